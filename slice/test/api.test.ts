import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import type { Chat, ChatList, ContactList, Message, MessagePage, Probe, Qr, Status } from "../src/api.js";
import { systemClock } from "../src/clock.js";
import { createLog } from "../src/log.js";
import { type Slice, startSlice } from "../src/slice.js";
import { ask, EventClient, eventually } from "./support/client.js";
import { SkippingClock } from "./support/clock.js";
import { testConfig } from "./support/config.js";
import { createSchema, type TestSchema } from "./support/postgres.js";

let db: TestSchema;
let slice: Slice;
let client: EventClient;

before(async () => {
  db = await createSchema();
  slice = await startSlice(testConfig(db), systemClock, createLog(7, "error"));
  client = new EventClient(slice.user);
  await client.first("status", (status) => status.state === "qr");
});

after(async () => {
  client?.close();
  await slice?.stop();
  await db?.drop();
});

const api = <Body = { error: string }>(path: string, method?: string, body?: unknown) =>
  ask<Body>(`${slice.user}/api${path}`, method, body);
const platform = <Body = { error: string }>(path: string, method?: string, body?: unknown) =>
  ask<Body>(`${slice.platform}${path}`, method, body);

async function messagesOf(chatId: string): Promise<Message[]> {
  return (await api<MessagePage>(`/chats/${chatId}/messages?limit=200`)).body.messages;
}

test("before the link: a code, an empty inbox, and nothing can be sent", async () => {
  const { body: status } = await api<Status>("/status");
  assert.deepEqual(
    { ...status, uptime: 0 },
    {
      state: "qr",
      reason: null,
      since: null,
      phoneNumber: null,
      uptime: 0,
      lastEventAt: null,
      engine: "simulated",
      standIn: true,
      storage: { usedBytes: 0, quotaBytes: 1_000_000, level: "ok" },
      snapshotAt: null,
    },
  );
  const state = await api<string>("/status/state");
  assert.equal(state.body, "qr");
  assert.match(state.headers.get("content-type") ?? "", /^text\/plain/);
  const { body: qr } = await api<Qr>("/qr");
  assert.equal(qr.index, 1);
  assert.equal(qr.of, 6);
  assert.deepEqual((await api<ChatList>("/chats")).body, { chats: [] });
  const refused = await api("/messages", "POST", { to: "+15550100001", text: "hi" });
  assert.equal(refused.status, 409);
  assert.match(refused.body.error, /not connected/);
  assert.equal((await platform("/messages", "POST", { text: "hi" })).status, 409);
});

test("the link: a scan, the sync, ready, and the inbox is there", async () => {
  assert.equal((await api<Status>("/simulated/scan", "POST")).body.state, "authenticated");
  await client.first("status", (status) => status.state === "ready");
  const gone = await api("/qr");
  assert.equal(gone.status, 404);
  assert.match(gone.body.error, /no code/);
  assert.equal((await api("/connection/restart", "POST")).status, 409);

  const { contacts } = (await api<ContactList>("/contacts")).body;
  const names = contacts.map((contact) => contact.name.toLowerCase());
  assert.equal(contacts.length, 20);
  assert.deepEqual(names, names.toSorted());
  const { chats } = (await api<ChatList>("/chats")).body;
  assert.equal(chats.length, client.of("sync").at(-1)?.chats);
  const times = chats.map((chat) => chat.lastMessage?.at ?? "");
  assert.deepEqual(times, times.toSorted().reverse());
  assert.equal((await platform<Status>("/status")).body.phoneNumber, "+15550101750");
});

test("a chat is read page by page, back to its beginning", async () => {
  const { chats } = (await api<ChatList>("/chats")).body;
  const chat = chats[0] as Chat;
  const all = await messagesOf(chat.id);
  assert.ok(all.length >= 3);
  assert.deepEqual(all.at(-1), chat.lastMessage);
  const read: Message[] = [];
  let before: string | null = null;
  do {
    const query: string = before ? `&before=${encodeURIComponent(before)}` : "";
    const { body: page } = await api<MessagePage>(`/chats/${chat.id}/messages?limit=2${query}`);
    assert.ok(page.messages.length > 0 && page.messages.length <= 2);
    read.unshift(...page.messages);
    before = page.before;
  } while (before);
  assert.deepEqual(read, all);
  const strange = await api(`/chats/${chat.id}/messages?before=none`);
  assert.deepEqual([strange.status, /before/.test(strange.body.error)], [404, true]);
});

test("a received message makes its contact and its chat, is counted, and is read", async () => {
  const received = { from: "+1 555 019 9999", name: "Nova Testwell", text: "Hello from outside" };
  const { status, body: message } = await api<Message>("/simulated/receive", "POST", received);
  assert.equal(status, 201);
  const id = "15550199999@c.us";
  await client.first("contact", (contact) => contact.id === id && contact.name === "Nova Testwell");
  await client.first("message", (other) => other.id === message.id);
  await api("/simulated/receive", "POST", { ...received, name: "Another Name", text: "Still there?" });
  const chat = await client.first("chat", (chat) => chat.id === id && chat.unread === 2);
  assert.equal(chat.name, "Nova Testwell");
  assert.equal(chat.lastMessage?.text, "Still there?");

  const { body: read } = await api<Chat>(`/chats/${id}/read`, "POST");
  assert.deepEqual(read, { ...chat, unread: 0 });
  await client.first(
    "chat",
    (chat) => chat.id === id && chat.unread === 0 && chat.lastMessage?.text === "Still there?",
  );
  assert.equal((await api("/chats/nobody/read", "POST")).status, 404);
});

test("a message to a new number is pending at once, then sent, delivered and read, and answered", async () => {
  const to = "+44 (0)20 7946 0018";
  const { status, body: message } = await api<Message>("/messages", "POST", {
    to,
    text: "Shall we say noon?",
  });
  assert.equal(status, 202);
  assert.deepEqual([message.chatId, message.ack, message.fromMe], ["442079460018@c.us", "pending", true]);
  const contact = await client.first("contact", (contact) => contact.id === message.chatId);
  assert.deepEqual([contact.name, contact.phoneNumber], ["+44 20 7946 0018", "+442079460018"]);
  await client.first("message", (other) => other.chatId === message.chatId && !other.fromMe);
  assert.deepEqual(
    client.of("message_ack").filter((ack) => ack.id === message.id),
    ["sent", "delivered", "read"].map((ack) => ({ id: message.id, chatId: message.chatId, ack })),
  );
  const stored = await messagesOf(message.chatId);
  assert.deepEqual(stored[0], { ...message, ack: "read" });
  assert.equal(stored.length, 2);
});

test("messages written at once keep their order and are all sent", async () => {
  const to = "15550199998@c.us";
  const texts = Array.from({ length: 12 }, (_, i) => `line ${i + 1}.`);
  const sent: Message[] = [];
  for (const text of texts) sent.push((await api<Message>("/messages", "POST", { to, text })).body);
  for (const { id } of sent) await client.first("message_ack", (ack) => ack.id === id && ack.ack === "sent");
  const own = (await messagesOf(to)).filter((message) => message.fromMe);
  assert.deepEqual(
    own.map((message) => message.text),
    texts,
  );
});

test("the platform's alert comes in the chat with oneself", async () => {
  const { status, body: message } = await platform<Message>("/messages", "POST", {
    text: "Your storage is full?",
  });
  assert.equal(status, 202);
  const chat = await client.first("chat", (chat) => chat.id === "15550101750@c.us");
  assert.deepEqual([chat.name, chat.unread, chat.lastMessage?.id], ["You", 0, message.id]);
});

test("the platform's alert that is sent again with its key comes once", async () => {
  const send = async (): Promise<Message> => {
    const headers = { "content-type": "application/json", "idempotency-key": "alert-1" };
    const body = JSON.stringify({ text: "Your storage is nearly full." });
    const answer = await fetch(`${slice.platform}/messages`, { method: "POST", headers, body });
    assert.equal(answer.status, 202);
    return (await answer.json()) as Message;
  };
  const first = await send();
  assert.equal((await send()).id, first.id);
  const all = await messagesOf("15550101750@c.us");
  assert.equal(all.filter((message) => message.text === "Your storage is nearly full.").length, 1);
});

test("what the app asks for wrongly is refused in words", async () => {
  const refusals: [string, string, unknown, number, RegExp][] = [
    ["/messages", "POST", { to: "nobody", text: "x" }, 400, /phone number/],
    ["/messages", "POST", { to: "120363000000000000@g.us", text: "x" }, 400, /chat of yours/],
    ["/messages", "POST", { to: "+15550100001", text: "" }, 400, /empty/],
    ["/messages", "POST", { to: "+15550100001", text: " \n " }, 400, /empty/],
    ["/messages", "POST", { to: "+15550100001", text: "x".repeat(65_537) }, 400, /65536/],
    ["/messages", "POST", { to: "+15550100001", text: "a\u0000b" }, 400, /character/],
    ["/messages", "POST", { to: "+15550100001", text: "a\ud800b" }, 400, /character/],
    ["/messages", "POST", { to: "+15550100001" }, 400, /“text” is missing/],
    ["/messages", "POST", { to: 5, text: "x" }, 400, /“to” must be a string/],
    ["/messages", "POST", { to: "+15550100001", text: "x", cc: "y" }, 400, /“cc” is not known/],
    ["/messages", "POST", [], 400, /JSON object/],
    ["/messages", "POST", "x".repeat(1_100_000), 413, /1 MB/],
    ["/chats/nobody/messages", "GET", undefined, 404, /no such chat/],
    ["/chats/nobody/messages?limit=201", "GET", undefined, 400, /1 to 200/],
    ["/chats/nobody/messages?limit=x", "GET", undefined, 400, /1 to 200/],
    ["/chats/nobody/messages?offset=1", "GET", undefined, 400, /“offset” is not known/],
    ["/nowhere?token=abc", "GET", undefined, 404, /nothing at GET \/api\/nowhere\.$/],
    ["/status", "DELETE", undefined, 404, /nothing at DELETE/],
    ["/%ff", "GET", undefined, 400, /cannot be read/],
    ["/simulated/receive", "POST", { from: "nobody", text: "x" }, 400, /“from”/],
    ["/simulated/drop", "POST", { seconds: -1 }, 400, /at least 0/],
    ["/simulated/rate", "PUT", { perMinute: 1e6 }, 400, /at most 6000/],
    ["/simulated/scan", "POST", undefined, 409, /no code/],
  ];
  for (const [path, method, body, status, sentence] of refusals) {
    const answer = await api(path, method, body);
    assert.deepEqual([path, answer.status], [path, status]);
    assert.deepEqual(Object.keys(answer.body), ["error"], path);
    assert.match(answer.body.error, sentence);
  }
});

test("the longest message that WhatsApp takes goes through whole", async () => {
  const text = "😀".repeat(65_536);
  const { status, body: message } = await api<Message>("/messages", "POST", { to: "15550199997@c.us", text });
  assert.equal(status, 202);
  assert.equal((await messagesOf(message.chatId))[0]?.text, text);
});

test("a body that is not JSON is refused, an empty one is no body", async () => {
  const send = (type: string, body: string) =>
    fetch(`${slice.user}/api/messages`, { method: "POST", headers: { "content-type": type }, body });
  const malformed = await send("application/json", "{bad");
  assert.deepEqual(
    [malformed.status, await malformed.json()],
    [400, { error: "The body is not valid JSON." }],
  );
  for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
    const other = await send(type, "to=1");
    assert.equal(other.status, 415);
    assert.match(((await other.json()) as { error: string }).error, /application\/json/);
  }
  const empty = await fetch(`${slice.user}/api/simulated/scan`, {
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  assert.equal(empty.status, 409, "the scan was understood, and refused for its own reason");
});

test("answers are not kept by caches nor guessed at, and idle connections outlive nginx's", async () => {
  const { headers } = await api("/chats");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  const seconds = /timeout=(\d+)/.exec(headers.get("keep-alive") ?? "")?.[1];
  assert.ok(Number(seconds) > 60, `keep-alive: ${headers.get("keep-alive")}`);
});

test("what belongs to one port is not on the other", async () => {
  for (const path of ["/status", "/metrics", "/quota", "/export"]) {
    assert.equal((await ask(`${slice.user}${path}`)).status, 404);
  }
  assert.equal((await ask(`${slice.user}/probe`, "POST")).status, 404);
  for (const path of ["/api/status", "/api/chats", "/socket.io/?EIO=4&transport=polling"]) {
    assert.equal((await ask(`${slice.platform}${path}`)).status, 404);
  }
});

test("the platform's figures count messages and tell the process's size", async () => {
  const figure = async (name: string) => {
    const { body } = await platform<string>("/metrics");
    return Number(new RegExp(`^${name} (.+)$`, "m").exec(body)?.[1]);
  };
  const received = await figure("slice_messages_received_total");
  const sent = await figure("slice_messages_sent_total");
  await api("/simulated/receive", "POST", { from: "+15550199996", text: "one more" });
  const { body: message } = await api<Message>("/messages", "POST", {
    to: "+15550199995",
    text: "one back.",
  });
  await client.first("message_ack", (ack) => ack.id === message.id && ack.ack === "sent");
  assert.ok((await figure("slice_messages_received_total")) > received);
  assert.ok((await figure("slice_messages_sent_total")) > sent);
  assert.equal(await figure('slice_wa_state\\{state="ready"\\}'), 1);
  assert.ok((await figure("process_resident_memory_bytes")) > 20e6);
  assert.ok((await figure("process_cpu_seconds_total")) > 0);
  assert.equal(await figure("slice_media_quota_bytes"), 1_000_000);
});

test("a probe asks the page and answers with the status; one that is dead is no longer ready, and comes back", async () => {
  const own = await createSchema();
  const clock = new SkippingClock();
  const other = await startSlice(testConfig(own), clock, createLog(7, "fatal"));
  try {
    const probe = async () => {
      const { status, body } = await ask<Probe>(`${other.platform}/probe`, "POST");
      assert.equal(status, 200);
      return [body.alive, body.status.state, body.status.reason];
    };
    const listener = new EventClient(other.user);
    await listener.first("status", ({ state }) => state === "qr");
    assert.deepEqual(await probe(), [true, "qr", null]);
    await ask(`${other.user}/api/simulated/scan`, "POST");
    await listener.first("status", ({ state }) => state === "ready");
    assert.deepEqual(await probe(), [true, "ready", null]);

    listener.forget();
    assert.equal((await ask(`${other.user}/api/simulated/page`, "POST", { call: "hang" })).status, 200);
    assert.equal((await ask<Status>(`${other.platform}/status`)).body.state, "ready", "nobody has asked");
    const asked = [probe(), probe()];
    await eventually(async () => {
      clock.skip(2_000);
      return listener.of("status").length > 0;
    }, "the end of the probe's patience");
    for (const answer of await Promise.all(asked)) {
      assert.deepEqual(answer, [false, "disconnected", "page_hung"]);
    }
    await eventually(async () => {
      clock.skip(5_000);
      return listener.of("status").at(-1)?.state === "ready";
    }, "the page that replaces it");
    assert.deepEqual(await probe(), [true, "ready", null]);
  } finally {
    await other.stop();
    await own.drop();
  }
});

test("the page is looked after while an event stream is open or a request came a moment ago, and not else", async () => {
  const own = await createSchema();
  const clock = new SkippingClock();
  const other = await startSlice(testConfig(own), clock, createLog(7, "fatal"));
  try {
    const now = async () => (await ask<Status>(`${other.platform}/status`)).body;
    const is = (state: string, ms: number) =>
      eventually(async () => {
        clock.skip(ms);
        return (await now()).state === state;
      }, `the state ${state}`);
    const hang = () => ask(`${other.user}/api/simulated/page`, "POST", { call: "hang" });
    const listener = new EventClient(other.user);
    await is("qr", 0);
    await ask(`${other.user}/api/simulated/scan`, "POST");
    await is("ready", 0);

    await hang();
    clock.skip(400_000);
    await is("disconnected", 11_000);
    assert.equal((await now()).reason, "page_hung", "somebody listens");
    await is("ready", 5_000);

    listener.close();
    await eventually(async () => {
      const { body } = await ask<string>(`${other.platform}/metrics`);
      return /^slice_event_listeners 0$/m.test(body);
    }, "the end of the stream");
    clock.skip(400_000);
    await hang();
    clock.skip(61_000);
    await is("disconnected", 11_000);
    await is("ready", 5_000);

    await hang();
    clock.skip(400_000);
    for (let minute = 0; minute < 5; minute++) {
      clock.skip(60_000);
      assert.equal((await now()).state, "ready", "nobody is here");
    }
  } finally {
    await other.stop();
    await own.drop();
  }
});

test("the quota is set, kept, and refused when it is not one", async () => {
  assert.deepEqual((await platform("/quota", "PUT", { mediaBlocked: true })).body, {
    mediaBlocked: true,
    bytes: 1_000_000,
  });
  assert.deepEqual(await db.rows("SELECT value FROM engine_state WHERE key = 'media_blocked'"), [
    { value: true },
  ]);
  assert.match((await platform<string>("/metrics")).body, /^slice_media_blocked 1$/m);
  assert.equal((await platform("/quota", "PUT", { mediaBlocked: "yes" })).status, 400);
});

test("what is no HTTP at all gets an answer and no crash", async () => {
  const { port } = new URL(slice.user);
  const answer = await new Promise<string>((resolve) => {
    let text = "";
    const socket = connect(Number(port), "127.0.0.1", () => socket.write("nonsense\r\n\r\n"));
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("close", () => resolve(text));
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /"error":/);
  assert.equal((await api("/status")).status, 200);
});
