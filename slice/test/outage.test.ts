import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ChatList, Message, Status } from "../src/api.js";
import { systemClock } from "../src/clock.js";
import { createLog } from "../src/log.js";
import { type Slice, startSlice } from "../src/slice.js";
import { ask, EventClient, eventually } from "./support/client.js";
import { testConfig } from "./support/config.js";
import { Outage } from "./support/outage.js";
import { createSchema, type TestSchema } from "./support/postgres.js";

let db: TestSchema;
let outage: Outage;
let slice: Slice;
let client: EventClient;

before(async () => {
  db = await createSchema();
  outage = await Outage.before(db.url);
  const config = testConfig({ url: outage.url, schema: db.schema });
  slice = await startSlice(config, systemClock, createLog(7, "fatal"));
  client = new EventClient(slice.user);
});

after(async () => {
  client?.close();
  await slice?.stop();
  await outage?.remove();
  await db?.drop();
});

const received = () =>
  db.rows<{ text: string }>("SELECT text FROM messages WHERE chat_id = '15550199999@c.us' ORDER BY at");

test("a slice that starts without Postgres says so, and comes up when it is there", async () => {
  assert.equal((await ask<Status>(`${slice.platform}/status`)).body.state, "starting");
  const { status, headers, body } = await ask(`${slice.user}/api/chats`);
  assert.equal(status, 503);
  assert.match(body.error, /Try again/);
  assert.equal(headers.get("retry-after"), "2");
  await outage.end();
  await client.first("status", (status) => status.state === "qr");
  await ask(`${slice.user}/api/simulated/scan`, "POST");
  await client.first("status", (status) => status.state === "ready");
});

test("while Postgres restarts, requests get a 503 and later ones work; nothing that came in is lost or doubled", async () => {
  await ask(`${slice.user}/api/simulated/receive`, "POST", { from: "+15550199999", text: "before" });
  await outage.begin();
  assert.equal((await ask(`${slice.user}/api/chats`)).status, 503);
  assert.equal(
    (await ask(`${slice.user}/api/messages`, "POST", { to: "+15550199998", text: "x" })).status,
    503,
  );
  assert.equal((await ask(`${slice.platform}/quota`, "PUT", { mediaBlocked: true })).status, 503);
  // What does not need the database does not notice.
  assert.equal((await ask(`${slice.user}/api/status`)).status, 200);
  const { body: status } = await ask<Status>(`${slice.platform}/status`);
  assert.equal(status.state, "ready");
  const metrics = await ask<string>(`${slice.platform}/metrics`);
  assert.match(metrics.body, /^slice_media_blocked 0$/m, "what could not be kept does not count");

  const during = ask<Message>(`${slice.user}/api/simulated/receive`, "POST", {
    from: "+15550199999",
    text: "during",
  });
  await outage.end();
  assert.equal((await during).status, 201);
  await eventually(
    async () => (await ask(`${slice.user}/api/chats`)).status === 200,
    "the database's return",
  );
  assert.deepEqual(
    (await received()).map((row) => row.text),
    ["before", "during"],
  );
  const { chats } = (await ask<ChatList>(`${slice.user}/api/chats`)).body;
  assert.equal(chats.find((chat) => chat.id === "15550199999@c.us")?.unread, 2);
  assert.ok(!chats.some((chat) => chat.id === "15550199998@c.us"), "a refused message was not stored");
});

test("the platform's status and figures ask nothing of Postgres", async () => {
  await ask(`${slice.user}/api/chats`);
  const connections = outage.connections;
  await outage.begin();
  for (let i = 0; i < 5; i++) {
    assert.equal((await ask(`${slice.platform}/status`)).status, 200);
    assert.equal((await ask(`${slice.platform}/metrics`)).status, 200);
    assert.equal((await ask(`${slice.platform}/probe`, "POST")).status, 200);
  }
  await outage.end();
  assert.equal(outage.connections, connections);
});

test("a slice never has more than two connections, and none when it is idle", async () => {
  const count = async () => {
    const rows = await db.rows("SELECT 1 FROM pg_stat_activity WHERE application_name = $1", [db.schema]);
    return rows.length;
  };
  const many = Promise.all(Array.from({ length: 60 }, () => ask(`${slice.user}/api/chats`)));
  const seen = [await count(), await count(), await count()];
  for (const { status } of await many) assert.equal(status, 200);
  seen.push(await count());
  assert.ok(Math.max(...seen) > 0 && Math.max(...seen) <= 2, `connections: ${seen}`);
  await eventually(async () => (await count()) === 0, "the closing of idle connections");
});
