import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../src/api.js";
import { NotConnected } from "../src/engine/engine.js";
import { Refusal } from "../src/refusal.js";
import { ManualClock } from "./support/clock.js";
import { Memory, Phone } from "./support/phone.js";

const own = "+15550101750";

function message(text: string, id = "true_15550101751@c.us_3EB0A"): Message {
  return {
    id,
    chatId: "15550101751@c.us",
    fromMe: true,
    kind: "text",
    text,
    at: "2030-01-01T12:00:00.000Z",
    ack: "pending",
    media: null,
    author: null,
  };
}

test("a round of codes: each is shown for its time, and after the last comes qr_timeout", async () => {
  const phone = new Phone({ qrCodes: 3 });
  await phone.clock.advance(1_000);
  assert.equal(phone.engine.qr()?.index, 1);
  assert.equal(Date.parse(phone.engine.qr()?.expiresAt ?? ""), phone.clock.now() - 600 + 20_000);
  await phone.clock.advance(45_000);
  assert.deepEqual(
    phone.qrs.map(({ index, of }) => [index, of]),
    [
      [1, 3],
      [2, 3],
      [3, 3],
    ],
  );
  assert.equal(new Set(phone.qrs.map((qr) => qr.code)).size, 3);
  for (const { code } of phone.qrs) assert.match(code, /^2@[\w+/=]+,[\w+/=]+,[\w+/=]+,[\w+/=]+$/);
  await phone.clock.advance(15_000);
  assert.deepEqual(phone.states, ["starting", "qr", "disconnected: qr_timeout"]);
  assert.equal(phone.engine.qr(), null);
  assert.equal(phone.clock.pending, 0, "a phone that gave up waits for nothing");
});

test("starting over shows a new round of codes", async () => {
  const phone = new Phone({ qrCodes: 1 });
  await phone.clock.advance(30_000);
  phone.engine.restart();
  await phone.clock.advance(1_000);
  assert.deepEqual(phone.states, ["starting", "qr", "disconnected: qr_timeout", "starting", "qr"]);
  assert.equal(phone.qrs.at(-1)?.index, 1);
});

test("a scan links the phone, and contacts and chats come in with a rising count", async () => {
  const phone = new Phone({ contacts: 50, syncSeconds: 4 });
  await phone.clock.advance(1_000);
  await phone.engine.scan();
  assert.equal(phone.engine.status().state, "authenticated");
  assert.equal(phone.engine.qr(), null);
  await phone.clock.advance(2_000);
  assert.equal(phone.engine.status().state, "authenticated");
  await phone.clock.advance(3_000);
  assert.deepEqual(phone.states, ["starting", "qr", "authenticated", "ready"]);
  assert.equal(phone.engine.status().phoneNumber, own);

  assert.ok(phone.syncs.length >= 12, `only ${phone.syncs.length} sync events in 4 s`);
  const counts = phone.syncs.map((sync) => sync.contacts);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    phone.syncs.map((sync) => sync.done),
    phone.syncs.map((_, i) => i === phone.syncs.length - 1),
  );
  const stored = {
    contacts: phone.batches.flatMap((b) => b.contacts),
    chats: phone.batches.flatMap((b) => b.chats),
  };
  assert.equal(stored.contacts.length, 50);
  assert.deepEqual(phone.syncs.at(-1), { contacts: 50, chats: stored.chats.length, done: true });
});

test("a linked phone comes back after a restart without a code and without a second sync", async () => {
  const before = await Phone.ready();
  await before.engine.stop();
  assert.equal(before.clock.pending, 0, "a stopped phone leaves no timer");
  const phone = new Phone({}, before.clock, before.memory);
  await phone.clock.advance(2_000);
  assert.deepEqual(phone.states, ["starting", "authenticated", "ready"]);
  assert.equal(phone.engine.status().phoneNumber, own);
  assert.deepEqual(phone.qrs, []);
  assert.deepEqual(phone.batches, []);
});

test("a sync that was cut off runs again and brings the same", async () => {
  const before = new Phone();
  await before.clock.advance(1_000);
  await before.engine.scan();
  await before.clock.advance(2_000);
  await before.engine.stop();
  const ids = before.batches.flatMap((batch) => batch.messages);
  assert.ok(ids.length > 0);
  const phone = new Phone({}, before.clock, before.memory);
  await phone.clock.advance(6_000);
  assert.deepEqual(phone.states, ["starting", "authenticated", "ready"]);
  assert.deepEqual(phone.batches.flatMap((batch) => batch.messages).slice(0, ids.length), ids);
});

test("a dropped connection comes back after its time; until then nothing arrives and nothing is sent", async () => {
  const phone = await Phone.ready({ messagesPerMinute: 60 });
  await phone.clock.advance(10_000);
  const before = phone.messages.length;
  assert.ok(before > 0);
  phone.engine.drop(30);
  await phone.clock.advance(29_000);
  assert.equal(phone.engine.status().state, "disconnected");
  assert.equal(phone.engine.status().reason, "connection_lost");
  assert.equal(phone.messages.length, before);
  await assert.rejects(phone.engine.send(message("hello")), NotConnected);
  await phone.clock.advance(6_000);
  assert.equal(phone.engine.status().state, "ready");
  assert.ok(phone.messages.length > before);
});

test("starting over with a linked phone takes the link up again and shows no code", async () => {
  const phone = await Phone.ready();
  phone.engine.drop(3_600);
  phone.engine.restart();
  await phone.clock.advance(2_000);
  assert.deepEqual(phone.states.slice(-4), [
    "disconnected: connection_lost",
    "starting",
    "authenticated",
    "ready",
  ]);
  assert.equal(phone.qrs.length, 1);
});

test("a logout forgets the link: the next start shows codes", async () => {
  const phone = await Phone.ready({ messagesPerMinute: 60 });
  await phone.engine.logout();
  assert.equal(phone.engine.status().state, "logged_out");
  assert.equal(phone.engine.status().phoneNumber, null);
  const before = phone.messages.length;
  await phone.clock.advance(60_000);
  assert.equal(phone.messages.length, before);
  phone.engine.restart();
  await phone.clock.advance(1_000);
  assert.equal(phone.engine.status().state, "qr");
});

test("messages arrive at the set rate, and the rate can be changed at once", async () => {
  const phone = await Phone.ready({ messagesPerMinute: 6 });
  await phone.clock.advance(10 * 60_000);
  assert.ok(
    Math.abs(phone.messages.length - 60) <= 12,
    `${phone.messages.length} messages in 10 minutes at 6 a minute`,
  );
  assert.equal(new Set(phone.messages.map(({ message }) => message.id)).size, phone.messages.length);
  assert.ok(
    new Set(phone.messages.map(({ message }) => message.text)).size > 20,
    "what people write is varied",
  );
  phone.engine.arrivals.setRate(0);
  const before = phone.messages.length;
  await phone.clock.advance(3_600_000);
  assert.equal(phone.messages.length, before);
  phone.engine.arrivals.setRate(600);
  await phone.clock.advance(1_000);
  assert.ok(phone.messages.length - before >= 5);
});

test("arrivals go on after a crash with the number that was not counted, under the same id", async () => {
  const before = await Phone.ready({ messagesPerMinute: 60 });
  await before.clock.advance(10_000);
  const last = before.messages.at(-1)?.message;
  const kept = before.memory.values.get("arrivals") as { next: number };
  // The crash: the last message was stored, its number was not.
  await before.memory.set("arrivals", { next: kept.next - 1 });
  await before.engine.stop();
  const phone = new Phone({ messagesPerMinute: 60 }, before.clock, before.memory);
  await phone.clock.advance(5_000);
  assert.equal(phone.messages[0]?.message.id, last?.id);
  assert.equal(phone.messages[0]?.message.text, last?.text);
  assert.notEqual(phone.messages[1]?.message.id, last?.id);
});

test("a sent message is delivered, read, and a question is answered once", async () => {
  const phone = await Phone.ready();
  const question = message("Shall we say Tuesday?");
  const sending = phone.engine.send(question);
  await phone.clock.advance(1_000);
  await sending;
  await phone.clock.advance(10_000);
  assert.deepEqual(phone.acks, [
    { id: question.id, ack: "delivered" },
    { id: question.id, ack: "read" },
  ]);
  assert.deepEqual(
    phone.messages.map(({ message }) => [message.chatId, message.fromMe]),
    [[question.chatId, false]],
  );
});

test("a message to oneself is read and never answered", async () => {
  const phone = await Phone.ready();
  const note = { ...message("Buy milk?", "true_15550101750@c.us_3EB0A"), chatId: "15550101750@c.us" };
  const sending = phone.engine.send(note);
  await phone.clock.advance(1_000);
  await sending;
  await phone.clock.advance(60_000);
  assert.equal(phone.acks.at(-1)?.ack, "read");
  assert.deepEqual(phone.messages, []);
});

test("what was under way at a crash goes on: the acks that are missing, and the same answer", async () => {
  const question = message("Shall we say Tuesday?");
  const answers = [];
  for (const ack of ["sent", "delivered", "read"] as const) {
    const memory = new Memory();
    await memory.set("link", { phoneNumber: own, linkedAt: 0, synced: true });
    const phone = new Phone({}, new ManualClock(), memory);
    phone.outstanding = [{ ...question, ack }];
    await phone.clock.advance(15_000);
    const missing = ["delivered", "read"].slice(["sent", "delivered", "read"].indexOf(ack));
    assert.deepEqual(
      phone.acks.map((a) => a.ack),
      missing,
    );
    answers.push(...phone.messages.map(({ message }) => message.id));
  }
  assert.equal(answers.length, 3);
  assert.equal(new Set(answers).size, 1, "the answer has one id, however often it comes");
});

test("what cannot be done now is refused in words", async () => {
  const phone = await Phone.ready();
  const refused = { name: "Refusal", status: 409 };
  await assert.rejects(phone.engine.scan(), refused);
  assert.throws(() => phone.engine.restart(), refused);
  await phone.engine.logout();
  await assert.rejects(phone.engine.drop(1), refused);
  await assert.rejects(phone.engine.unlink(), refused);
  await assert.rejects(phone.engine.receive({ from: "+15550100009", text: "hi" }), refused);
  await assert.rejects(
    phone.engine.receive({ from: "nobody", text: "hi" }),
    new Refusal(400, "“from” must be a phone number with its country code."),
  );
});

test("two scans at once link once", async () => {
  const phone = new Phone();
  await phone.clock.advance(1_000);
  const results = await Promise.allSettled([phone.engine.scan(), phone.engine.scan()]);
  assert.deepEqual(
    results.map((result) => result.status),
    ["fulfilled", "rejected"],
  );
  await phone.clock.advance(5_000);
  assert.deepEqual(phone.states, ["starting", "qr", "authenticated", "ready"]);
});

test("an error that nobody expected makes the state failed, and starting over mends it", async () => {
  const phone = await Phone.ready({ messagesPerMinute: 60 });
  phone.failure = new Error("broken");
  await phone.clock.advance(5_000);
  assert.equal(phone.states.at(-1), "failed: engine_error");
  phone.failure = null;
  phone.engine.restart();
  await phone.clock.advance(5_000);
  assert.equal(phone.states.at(-1), "ready");
});

test("a page that hangs while nobody is here passes for ready until it is asked, then it is replaced", async () => {
  const phone = await Phone.ready({ messagesPerMinute: 1 });
  await phone.clock.advance(600_000);
  phone.engine.hang();
  const heard = phone.messages.length;
  await phone.clock.advance(3_600_000);
  assert.equal(phone.states.at(-1), "ready");
  assert.equal(phone.messages.length, heard, "nothing comes in");
  await assert.rejects(phone.engine.send(message("hello"), null), NotConnected);
  await assert.rejects(phone.engine.receive({ from: "+15550100009", text: "hi" }), /hangs/);

  const both = Promise.all([phone.engine.probe(), phone.engine.probe()]);
  await phone.clock.advance(10_000);
  assert.deepEqual(await both, [false, false]);
  assert.equal(phone.states.at(-1), "disconnected: page_hung");
  await phone.clock.advance(70_000);
  await phone.clock.advance(5_000);
  assert.deepEqual(phone.states.slice(-3), ["starting", "authenticated", "ready"]);
  assert.equal(await phone.engine.probe(), true);
});

test("a page that hangs while somebody is here is found by itself", async () => {
  const phone = await Phone.ready();
  phone.use.enter();
  phone.engine.hang();
  await phone.clock.advance(70_000);
  assert.equal(phone.states.at(-1), "disconnected: page_hung");
  await phone.clock.advance(75_000);
  assert.equal(phone.states.at(-1), "ready");
});

test("where there is no page none lives, and none is doubted", async () => {
  const phone = new Phone({ qrCodes: 1 });
  assert.equal(await phone.engine.probe(), false);
  await phone.clock.advance(1_000);
  assert.equal(await phone.engine.probe(), true, "it shows a code");
  await phone.clock.advance(30_000);
  assert.equal(await phone.engine.probe(), false, "it rests");
  assert.deepEqual(phone.states, ["starting", "qr", "disconnected: qr_timeout"]);
});

test("a slice that is linked and idle has no timer but what its phone does by itself", async () => {
  const phone = await Phone.ready();
  await phone.clock.advance(600_000);
  assert.equal(phone.clock.pending, 0);
});
