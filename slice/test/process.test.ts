import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import type { ChatList, Message, MessagePage, Status } from "../src/api.js";
import { fingerprint } from "../src/engine/simulated/random.js";
import type { Said } from "../src/said.js";
import { ask, EventClient, eventually } from "./support/client.js";
import { environment } from "./support/config.js";
import { createSchema, type TestSchema } from "./support/postgres.js";
import { SliceProcess } from "./support/process.js";

let db: TestSchema | undefined;

beforeEach(async () => {
  await db?.drop();
  db = await createSchema();
});
afterEach(async () => {
  EventClient.closeAll();
  await SliceProcess.endAll();
});
after(async () => {
  await db?.drop();
});

function schema(): TestSchema {
  if (!db) throw new Error("there is no schema");
  return db;
}

async function link(slice: SliceProcess, client: EventClient): Promise<void> {
  await client.first("status", (status) => status.state === "qr");
  await ask(`${slice.user}/api/simulated/scan`, "POST");
  await client.first("status", (status) => status.state === "ready");
}

test("the state is in a file as soon as it changes, and after kill -9 it is that of the new process", async () => {
  const dir = await mkdtemp(join(tmpdir(), "said-"));
  const file = join(dir, "status.json");
  const said = async (): Promise<Said> => JSON.parse(await readFile(file, "utf8"));
  try {
    let slice = await SliceProcess.start(schema(), { STATUS_FILE: file });
    let client = new EventClient(slice.user);
    await link(slice, client);
    await eventually(async () => (await said()).state === "ready", "the file says ready");
    const { body: status } = await ask<Status>(`${slice.platform}/status`);
    assert.deepEqual(await said(), {
      state: "ready",
      reason: null,
      phoneNumber: status.phoneNumber,
      since: status.since,
    });
    await ask(`${slice.user}/api/simulated/drop`, "POST", { seconds: 600 });
    await eventually(async () => (await said()).state === "disconnected", "the file says disconnected");
    assert.ok(Date.parse((await said()).since ?? "") > Date.parse(status.since ?? ""));
    client.close();
    await slice.end("SIGKILL");

    const before = (await stat(file)).mtimeMs;
    slice = await SliceProcess.start(schema(), { STATUS_FILE: file });
    client = new EventClient(slice.user);
    await client.first("status", (status) => status.state === "ready");
    await eventually(async () => (await said()).state === "ready", "the file says ready again");
    assert.ok((await stat(file)).mtimeMs > before);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("kill -9 between two messages, again and again: the link holds, nothing is lost, nothing is doubled", async () => {
  const rate = { SIMULATED_MESSAGES_PER_MINUTE: "1200" };
  let slice = await SliceProcess.start(schema(), { SIMULATED_MESSAGES_PER_MINUTE: "0" });
  let client = new EventClient(slice.user);
  await link(slice, client);
  const unread = async () => {
    const { chats } = (await ask<ChatList>(`${slice.user}/api/chats`)).body;
    return chats.reduce((sum, chat) => sum + chat.unread, 0);
  };
  const unreadBefore = await unread();
  const [history] = await schema().rows<{ count: number }>("SELECT count(*)::int FROM messages");
  client.close();
  await slice.end("SIGKILL");

  for (let round = 0; round < 3; round++) {
    slice = await SliceProcess.start(schema(), rate);
    client = new EventClient(slice.user);
    await client.until(() => client.of("message").length >= 6, "six messages");
    assert.deepEqual([...new Set(client.of("status").map((status) => status.state))].at(-1), "ready");
    assert.deepEqual(client.of("qr"), [], "a linked slice needs no code after a restart");
    client.close();
    await slice.end("SIGKILL");
  }

  slice = await SliceProcess.start(schema(), { SIMULATED_MESSAGES_PER_MINUTE: "0" });
  const rows = await schema().rows<{ id: string }>("SELECT id FROM messages");
  const arrived = rows.length - (history?.count ?? 0);
  assert.ok(arrived >= 18, `${arrived} messages arrived`);
  for (let number = 1; number <= arrived; number++) {
    const mark = fingerprint("arrival", 7, number).slice(0, 18);
    assert.equal(rows.filter((row) => row.id.endsWith(mark)).length, 1, `message number ${number}`);
  }
  assert.equal(await unread(), unreadBefore + arrived);
  await slice.end("SIGTERM");
});

test("a message that is pending at a crash is sent after the restart, once, and answered once", async () => {
  let slice = await SliceProcess.start(schema());
  let client = new EventClient(slice.user);
  await link(slice, client);
  const to = "+15550199999";
  const { body: message } = await ask<Message>(`${slice.user}/api/messages`, "POST", {
    to,
    text: "Are you there?",
  });
  client.close();
  await slice.end("SIGKILL");
  const [crashed] = await schema().rows<{ ack: string }>("SELECT ack FROM messages WHERE id = $1", [
    message.id,
  ]);
  assert.equal(crashed?.ack, "pending");

  slice = await SliceProcess.start(schema());
  client = new EventClient(slice.user);
  // The second crash hits between the acks and the answer.
  await client.first("message_ack", (ack) => ack.id === message.id && ack.ack === "read");
  client.close();
  await slice.end("SIGKILL");

  slice = await SliceProcess.start(schema());
  client = new EventClient(slice.user);
  await client.first("message", (answer) => answer.chatId === message.chatId && !answer.fromMe);
  const { body: page } = await ask<MessagePage>(`${slice.user}/api/chats/${message.chatId}/messages`);
  assert.deepEqual(
    page.messages.map(({ fromMe, ack }) => [fromMe, ack]),
    [
      [true, "read"],
      [false, null],
    ],
  );
  client.close();

  // After the answer there is nothing left to do: one more restart adds nothing.
  await slice.end("SIGTERM");
  slice = await SliceProcess.start(schema());
  client = new EventClient(slice.user);
  await client.first("status", (status) => status.state === "ready");
  const marker = await ask<Message>(`${slice.user}/api/messages`, "POST", { to, text: "A last question?" });
  await client.first("message", (answer) => !answer.fromMe && answer.at > marker.body.at);
  const [count] = await schema().rows<{ count: number }>(
    "SELECT count(*)::int FROM messages WHERE chat_id = $1",
    [message.chatId],
  );
  assert.equal(count?.count, 4);
  client.close();
  await slice.end("SIGTERM");
});

test("SIGTERM ends it cleanly and soon, with clients, idle connections and work under way", async () => {
  const slice = await SliceProcess.start(schema(), { SIMULATED_MESSAGES_PER_MINUTE: "600" });
  const clients = [new EventClient(slice.user), new EventClient(slice.user, ["polling"])];
  const [client] = clients as [EventClient, EventClient];
  await link(slice, client);
  const agent = new Agent({ keepAlive: true });
  await new Promise((resolve) =>
    get(`${slice.user}/api/chats`, { agent }, (answer) => answer.resume().on("end", resolve)),
  );
  const began = Date.now();
  const gone = client.disconnected();
  assert.equal(await slice.end("SIGTERM"), 0);
  assert.ok(Date.now() - began < 5_000, `took ${Date.now() - began} ms`);
  await gone;
  assert.equal(slice.errors, "");
  assert.deepEqual(
    slice.log.map((line) => JSON.parse(line).msg),
    ["listening", "stopping", "stopped"],
  );
  await eventually(async () => {
    const rows = await schema().rows("SELECT 1 FROM pg_stat_activity WHERE application_name = $1", [
      schema().schema,
    ]);
    return rows.length === 0;
  }, "the end of its database connections");
  for (const each of clients) each.close();
  agent.destroy();
});

test("SIGTERM during the start and while Postgres is away ends it too", async () => {
  const slice = await SliceProcess.start({
    url: "postgresql://nobody@/none?host=/nonexistent",
    schema: "none",
  });
  assert.equal((await ask<Status>(`${slice.platform}/status`)).body.state, "starting");
  assert.equal(await slice.end("SIGTERM"), 0);
});

test("a wrong environment is one line on standard error, and exit code 1", async () => {
  const { code, errors } = await SliceProcess.refused({
    ...environment(schema()),
    WA_ENGINE: "baileys",
    SLICE_ID: "",
  });
  assert.equal(code, 1);
  assert.match(
    errors,
    /^The slice cannot start: SLICE_ID is missing .*; WA_ENGINE must be webjs or simulated.*\.\n$/,
  );
});

test("a message's text and the database's password are in no log", async () => {
  const slice = await SliceProcess.start(schema(), { LOG_LEVEL: "debug" });
  const client = new EventClient(slice.user);
  await link(slice, client);
  const text = "a very private sentence";
  await ask(`${slice.user}/api/messages`, "POST", { to: "+15550199999", text });
  await ask(`${slice.user}/api/messages`, "POST", { to: "+15550199999", text, extra: text });
  // A constraint that the text breaks makes Postgres repeat it in its error.
  await schema().rows("ALTER TABLE messages ADD CONSTRAINT short CHECK (length(text) < 30) NOT VALID");
  const long = { to: "+15550199999", text: `${text}, and long enough to be refused` };
  assert.equal((await ask(`${slice.user}/api/messages`, "POST", long)).status, 500);
  client.close();
  await slice.end("SIGTERM");
  assert.ok(slice.log.some((line) => line.includes("a request failed")));
  const said = slice.log.join("\n") + slice.errors;
  assert.ok(!said.includes(text));
  assert.ok(!said.includes("postgresql://"));
});

test("memory that a test asks for is really held, and given back", async () => {
  const slice = await SliceProcess.start(schema());
  const resident = async () => {
    const { body } = await ask<string>(`${slice.platform}/metrics`);
    return Number(/^process_resident_memory_bytes (\d+)$/m.exec(body)?.[1]);
  };
  const before = await resident();
  const held = await ask(`${slice.user}/api/simulated/memory`, "PUT", { bytes: 96 * 2 ** 20 });
  assert.deepEqual(held.body, { bytes: 96 * 2 ** 20 });
  assert.ok((await resident()) - before > 90 * 2 ** 20, `${before} → ${await resident()}`);
  assert.deepEqual((await ask(`${slice.user}/api/simulated/memory`, "PUT", { bytes: 0 })).body, { bytes: 0 });
  await slice.end("SIGTERM");
});
