import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import type { Message } from "../src/api.js";
import { NotConnected } from "../src/engine/engine.js";
import { Outbox } from "../src/inbox/outbox.js";
import { Pace } from "../src/inbox/pace.js";
import { ManualClock } from "./support/clock.js";

const config = { burst: 4, perMinute: 20, newChatsPerHour: 30 };

/** An outbox whose world is the test's: who wrote before, when each message went, and how many times the engine does not take one. */
function outbox(strangers: string[] = [], recalled: { at: number; stranger: boolean }[] = [], untaken = 0) {
  const clock = new ManualClock();
  const began = clock.now();
  const sent: { id: string; seconds: number }[] = [];
  const rows = async (sql: string, values: unknown[]) =>
    sql.includes("unnest")
      ? (values[0] as string[]).filter((id) => strangers.includes(id)).map((id) => ({ id }))
      : recalled.map(({ at, stranger }) => ({ at: new Date(began + at), stranger }));
  const box = new Outbox({
    inbox: { acknowledge: async () => {}, pending: async () => [] } as never,
    engine: {
      status: () => ({ state: "ready", reason: null, phoneNumber: null, lastEventAt: null }),
      send: async (message) => {
        if (untaken-- > 0) throw new NotConnected();
        sent.push({ id: message.id, seconds: (clock.now() - began) / 1000 });
      },
    },
    pace: new Pace(config, clock),
    db: { query: rows as never },
    pathOf: (id) => id,
    clock,
    log: pino({ level: "silent" }),
  });
  return { box, clock, sent };
}

function message(id: string, chatId: string): Message {
  const at = new Date(0).toISOString();
  return { id, chatId, fromMe: true, kind: "text", text: id, at, ack: "pending", media: null, author: null };
}

test("a paste of 500 goes out no faster than a person could", async () => {
  const { box, clock, sent } = outbox();
  for (let i = 0; i < 500; i++) box.add(message(`m${i}`, `chat${i % 50}`));
  await clock.advance(60_000);
  // A burst of 4, then 20 a minute, with pauses that vary by 40 %.
  assert.ok(sent.length >= 4 + 12 && sent.length <= 4 + 34, `${sent.length} in the first minute`);
  await clock.advance(9 * 60_000);
  assert.ok(sent.length > 4 + 140 && sent.length < 4 + 280, `${sent.length} in ten minutes`);
  const pauses = sent.slice(5).map((each, i) => each.seconds - (sent[i + 4]?.seconds ?? 0));
  assert.ok(new Set(pauses.map((pause) => pause.toFixed(1))).size > 10, "the pauses are all alike");
  await box.stop();
});

test("strangers wait in a line of their own, and within a chat the order is kept", async () => {
  const { box, clock, sent } = outbox(["stranger1", "stranger2", "stranger3", "stranger4"]);
  for (const n of [1, 2, 3, 4]) box.add(message(`s${n}`, `stranger${n}`));
  for (const n of [1, 2, 3]) box.add(message(`k${n}`, "known"));
  await clock.advance(60_000);
  const ids = sent.map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id) => id.startsWith("k")),
    ["k1", "k2", "k3"],
  );
  assert.deepEqual(
    ids.filter((id) => id.startsWith("s")),
    ["s1", "s2"],
    "the third stranger waits two minutes",
  );
  await clock.advance(10 * 60_000);
  assert.deepEqual(
    sent.map(({ id }) => id).filter((id) => id.startsWith("s")),
    ["s1", "s2", "s3", "s4"],
  );
  await box.stop();
});

test("an urgent message passes those that wait", async () => {
  const { box, clock, sent } = outbox();
  for (let i = 0; i < 20; i++) box.add(message(`m${i}`, "chat"));
  await clock.advance(1_000);
  const before = sent.length;
  box.add(message("alert", "own"), true);
  await clock.advance(100);
  assert.deepEqual(
    sent.slice(before).map(({ id }) => id),
    ["alert"],
  );
  await box.stop();
});

test("what a session does not take that says it is ready is tried again, in its order", async () => {
  const { box, clock, sent } = outbox([], [], 3);
  for (const n of [1, 2]) box.add(message(`m${n}`, "chat"));
  await clock.advance(10_000);
  assert.deepEqual(
    sent.map(({ id }) => id),
    ["m1", "m2"],
  );
  await box.stop();
});

test("what was sent before a restart counts", async () => {
  const lately = Array.from({ length: 6 }, (_, i) => ({ at: -i * 1000, stranger: false }));
  const { box, clock, sent } = outbox([], lately);
  box.add(message("m", "chat"));
  await clock.advance(100);
  assert.equal(sent.length, 0);
  await clock.advance(20_000);
  assert.equal(sent.length, 1);
  await box.stop();
});

test("a wait is time that a clock can tell, and over when it has passed", async () => {
  const clock = new ManualClock();
  const pace = new Pace({ burst: 3, perMinute: 7, newChatsPerHour: 11 }, clock);
  for (let i = 0; i < 2000; i++) {
    const wait = pace.wait(i % 3 === 0);
    assert.ok(Number.isInteger(wait), `${wait} ms`);
    await clock.advance(wait);
    // What rounding leaves is a millisecond at most.
    const rest = pace.wait(i % 3 === 0);
    assert.ok(rest <= 1, `${rest} ms are left`);
    await clock.advance(rest);
    assert.equal(pace.wait(i % 3 === 0), 0);
    pace.take(i % 3 === 0);
  }
});
