import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import type { Message, Status } from "../src/api.js";
import { systemClock } from "../src/clock.js";
import { Announcer } from "../src/events.js";
import { Inbox } from "../src/inbox/inbox.js";
import { createLog } from "../src/log.js";
import { startSlice } from "../src/slice.js";
import { Database } from "../src/store/database.js";
import { ask, EventClient } from "./support/client.js";
import { testConfig } from "./support/config.js";
import { createSchema, type TestSchema } from "./support/postgres.js";

let db: TestSchema;
before(async () => {
  db = await createSchema();
});
after(async () => {
  await db?.drop();
});

test("Socket.IO clients are told the whole way, by either transport, and each from where it stands", async () => {
  const config = testConfig(db, { SIMULATED_QR_SECONDS: "0.3", SIMULATED_QR_CODES: "2" });
  const slice = await startSlice(config, systemClock, createLog(7, "error"));
  const early = new EventClient(slice.user, ["websocket"]);
  const polling = new EventClient(slice.user, ["polling"]);
  try {
    await early.first("status", (status) => status.reason === "qr_timeout");
    assert.deepEqual([...new Set(early.of("qr").map((qr) => qr.index))], [1, 2]);

    const { body: restarted } = await ask<Status>(`${slice.user}/api/connection/restart`, "POST");
    assert.equal(restarted.state, "starting");
    await early.until(() => early.of("qr").filter((qr) => qr.index === 1).length >= 2, "a new round");

    const late = new EventClient(slice.user);
    const first = await late.first("qr");
    assert.equal(late.events[0]?.name, "status");
    assert.equal(late.of("status")[0]?.state, "qr");
    assert.match(first.code, /^2@/);

    await ask(`${slice.user}/api/simulated/scan`, "POST");
    await early.first("status", (status) => status.state === "ready");
    const states = early.of("status").map((status) => status.state);
    assert.deepEqual(states.slice(-2), ["authenticated", "ready"]);
    assert.ok(early.of("sync").length >= 2);
    assert.deepEqual(
      early.of("sync").map((sync) => sync.done),
      early.of("sync").map((_, i, all) => i === all.length - 1),
    );
    assert.deepEqual(early.of("message"), [], "a sync announces its progress, not every line");

    await ask(`${slice.user}/api/simulated/receive`, "POST", { from: "+15550199999", text: "Hello" });
    await polling.first("chat", (chat) => chat.unread === 1);
    for (const client of [early, late, polling]) {
      await client.first("chat", (chat) => chat.id === "15550199999@c.us");
      assert.deepEqual(
        client.events.slice(-3).map((event) => event.name),
        ["contact", "message", "chat"],
      );
    }

    await ask(`${slice.user}/api/simulated/drop`, "POST", { seconds: 0.1 });
    await late.until(
      () => late.of("status").filter((status) => status.state === "ready").length === 2,
      "ready again",
    );
    await ask(`${slice.user}/api/simulated/logout`, "POST");
    await late.first("status", (status) => status.state === "logged_out" && status.phoneNumber === null);
    late.close();
  } finally {
    early.close();
    polling.close();
    await slice.stop();
  }
});

test("what is announced has been committed", async () => {
  const announcer = new Announcer();
  const log = createLog(7, "error");
  const database = new Database(db.url, db.schema, log);
  const inbox = new Inbox(database, announcer, systemClock);
  // A look from outside at the moment of the announcement sees only what is committed.
  const outside = new pg.Pool({ connectionString: db.url, max: 4 });
  const looks: Promise<{ expected: Message; found: number }>[] = [];
  announcer.listen((name, data) => {
    if (name !== "message") return;
    const expected = data as Message;
    const look = outside.query(`SELECT 1 FROM ${db.schema}.messages WHERE id = $1`, [expected.id]);
    looks.push(look.then(({ rows }) => ({ expected, found: rows.length })));
  });
  const sending = Array.from({ length: 20 }, (_, i) =>
    inbox.compose({ to: "+15550100001", text: `line ${i}` }),
  );
  const sent = await Promise.all(sending);
  const seen = await Promise.all(looks);
  assert.deepEqual(
    seen.map(({ expected, found }) => [expected.id, found]),
    sent.map(({ message }) => [message.id, 1]),
  );
  await outside.end();
  await database.close();
});

test("acks only ever go forward, and a message that comes twice is there once", async () => {
  const announcer = new Announcer();
  const database = new Database(db.url, db.schema, createLog(7, "error"));
  const inbox = new Inbox(database, announcer, systemClock);
  const heard: string[] = [];
  announcer.listen((name, data) => {
    if (name === "message_ack") heard.push((data as { ack: string }).ack);
    if (name === "message" && !(data as Message).fromMe) heard.push("received");
  });
  const { message: sent } = await inbox.compose({ to: "+15550100002", text: "hello" });
  for (const ack of ["sent", "read", "delivered", "sent", "failed", "read"] as const) {
    await inbox.acknowledge(sent, ack, false);
  }
  assert.deepEqual(heard, ["sent", "read"]);

  const contact = { id: "15550100003@c.us", name: "Ines Example", phoneNumber: "+15550100003" };
  const at = new Date().toISOString();
  const message = {
    id: "false_1",
    chatId: contact.id,
    fromMe: false,
    kind: "text" as const,
    text: "hi",
    at,
    ack: null,
    media: null,
    author: null,
  };
  for (let time = 0; time < 3; time++) await inbox.receive({ message, contact }, false);
  assert.deepEqual(heard, ["sent", "read", "received"]);
  const chat = (await inbox.chats()).find((chat) => chat.id === contact.id);
  assert.equal(chat?.unread, 1);
  await database.close();
});

test("what WhatsApp tells of one second keeps its order, live and from a sync, and an answer is not before its question", async () => {
  const database = new Database(db.url, db.schema, createLog(7, "error"));
  const announcer = new Announcer();
  const inbox = new Inbox(database, announcer, systemClock);
  const told: string[] = [];
  announcer.listen((name, data) => {
    if (name === "message") told.push((data as Message).at);
  });
  const contact = { id: "15550100004@c.us", name: "Otto Example", phoneNumber: "+15550100004" };
  const second = new Date(Math.floor(Date.now() / 1000) * 1000);
  const message = (id: string, at = second.toISOString()): Message => ({
    id,
    chatId: contact.id,
    fromMe: false,
    kind: "text",
    text: id,
    at,
    ack: null,
    media: null,
    author: null,
  });
  const earlier = new Date(second.getTime() - 60_000).toISOString();
  const batch = {
    contacts: [contact],
    chats: [{ ...contact, unread: 0 }],
    messages: ["z", "y", "x"].map((id) => message(id, earlier)),
  };
  await inbox.store(batch);
  await inbox.store(batch);
  const own = {
    ...message("m", new Date(second.getTime() + 700).toISOString()),
    fromMe: true,
    ack: "sent" as const,
  };
  await inbox.receive({ message: own, contact }, false);
  for (const id of ["c", "b", "a"]) await inbox.receive({ message: message(id), contact }, false);
  await inbox.receive({ message: message("b"), contact }, true);
  const { messages } = await inbox.messages(contact.id, null, 50);
  assert.deepEqual(
    messages.map(({ id }) => id),
    ["z", "y", "x", "m", "c", "b", "a"],
  );
  const at = (id: string) => messages.find((each) => each.id === id)?.at;
  assert.deepEqual(told, ["m", "c", "b", "a", "b"].map(at), "what was told is not what was stored");
  await database.close();
});
