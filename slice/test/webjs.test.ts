import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PairingCode, Qr } from "../src/api.js";
import { ask, eventually } from "./support/client.js";
import { createSchema, type TestSchema } from "./support/postgres.js";
import { WebjsSlice } from "./support/webjs.js";

let db: TestSchema;
before(async () => {
  db = await createSchema();
});
after(async () => {
  await WebjsSlice.endAll();
  await db.drop();
});

test("from the first code to a conversation that survives everything", { timeout: 300_000 }, async (t) => {
  const slice = await WebjsSlice.start(db, {
    STAND_IN_QR_SECONDS: "20",
    PROBE_SECONDS: "1",
    PROBE_TIMEOUT_SECONDS: "5",
  });

  await t.test("a code is shown, and a phone number gets one to type", async () => {
    const status = await slice.state("qr");
    assert.equal(status.engine, "webjs");
    assert.equal(status.standIn, true);
    const qr = await slice.call<Qr>("/api/qr");
    assert.equal(qr.index, 1);
    assert.match(qr.code, /^stand-in-1-/);
    const pairing = await slice.call<PairingCode>("/api/connection/pairing-code", "POST", {
      phoneNumber: "+1 555 010 0001",
    });
    assert.match(pairing.code, /^[0-9A-F]{8}$/);
    assert.equal(pairing.phoneNumber, "+15550100001");
  });

  await t.test("a scan links it, and messages go both ways", async () => {
    await slice.link();
    assert.match((await slice.status()).phoneNumber ?? "", /^\+1555/);
    await slice.receive("good morning");
    await slice.has("good morning");
    const chat = (await slice.chats())[0];
    assert.equal(chat?.name, "Ada");
    assert.equal(chat?.unread, 1);
    await slice.call("/api/messages", "POST", { to: "+15550109999", text: "and to you" });
    await slice.has("and to you", "read");
    assert.equal((await slice.status()).state, "ready");
  });

  await t.test("what came in while the connection was lost is fetched, once", async () => {
    await slice.call("/api/simulated/drop", "POST", { seconds: 2 });
    await slice.state("disconnected", "connection_lost");
    for (const n of [1, 2, 3]) await slice.receive(`meanwhile ${n}`);
    await slice.state("ready");
    for (const n of [1, 2, 3]) await slice.has(`meanwhile ${n}`);
    assert.equal((await slice.chats())[0]?.unread, 4);
  });

  await t.test("a restart in order keeps the link, and leaves a copy of it", async () => {
    assert.equal(await slice.end("SIGTERM"), 0);
    assert.deepEqual(await slice.browsers(), []);
    assert.ok(existsSync(join(slice.dir, "snapshot", "Default")), "no copy of the profile");
    assert.ok(!existsSync(join(slice.dir, "session", "Default", "Cache")), "the cache is still there");
    await slice.run();
    await slice.state("ready");
    await slice.has("meanwhile 3");
    assert.ok((await slice.status()).snapshotAt);
  });

  await t.test("after kill -9 the orphan is ended and its lock removed", async () => {
    // One that hangs does not notice that its backend is gone, as others do.
    const orphans = await slice.browsers();
    for (const pid of orphans) process.kill(pid, "SIGSTOP");
    await slice.end("SIGKILL");
    assert.ok((await slice.browsers()).length > 0, "there is no orphan to test with");
    await slice.run();
    await slice.state("ready");
    const now = await slice.browsers();
    assert.deepEqual(
      now.filter((pid) => orphans.includes(pid)),
      [],
    );
    await slice.receive("still there");
    await slice.has("still there");
  });

  await t.test("Chromium that crashes is noticed and started again", async () => {
    for (const pid of await slice.browsers()) process.kill(pid, "SIGKILL");
    await slice.events.first("status", (status) => status.reason === "browser_crashed");
    await slice.state("ready");
  });

  await t.test("a page that hangs is not ready, and is replaced", async () => {
    await slice.call("/api/simulated/page", "POST", { call: "hang" });
    await slice.events.first("status", (status) => status.reason === "page_hung");
    await slice.state("ready");
  });

  await t.test("a logout on the phone unlinks it, and there are new codes", async () => {
    await slice.call("/api/simulated/logout", "POST");
    const status = await slice.state("logged_out");
    assert.equal(status.phoneNumber, null);
    assert.deepEqual(await slice.browsers(), []);
    assert.ok(
      !existsSync(join(slice.dir, "session", "Default")),
      "the profile of a dead link is still there",
    );
    await slice.call("/api/connection/restart", "POST");
    await slice.state("qr");
  });

  await t.test("a passkey that is asked for is a state of its own", async () => {
    await slice.call("/api/simulated/page", "POST", { call: "askForPasskey" });
    await slice.state("passkey");
    assert.equal((await ask(`${slice.slice.user}/api/qr`)).status, 404);
    await slice.call("/api/connection/restart", "POST");
    await slice.link();
  });

  await t.test("a block is a restriction, and nothing tries again by itself", async () => {
    await slice.call("/api/simulated/page", "POST", { call: "state", argument: "TOS_BLOCK" });
    await slice.state("restricted", "tos_block");
    await eventually(async () => (await slice.browsers()).length === 0, "the end of the browser");
  });
});
