import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PairingCode, Probe, Qr } from "../src/api.js";
import { browsersOn } from "../src/engine/webjs/profile.js";
import { createLog } from "../src/log.js";
import { startSlice } from "../src/slice.js";
import { ask, EventClient, eventually } from "./support/client.js";
import { SkippingClock } from "./support/clock.js";
import { testConfig } from "./support/config.js";
import { createSchema, type TestSchema } from "./support/postgres.js";
import { WebjsSlice, webjsEnvironment } from "./support/webjs.js";
import { WebSocketEnd } from "./support/websocket.js";

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
    slice.events.forget();
    for (const pid of await slice.browsers()) process.kill(pid, "SIGKILL");
    await slice.events.first("status", (status) => status.reason === "browser_crashed");
    await slice.state("ready");
  });

  await t.test("a page that loads itself anew goes on, and what came in meanwhile is there", async () => {
    await slice.call("/api/simulated/page", "POST", { call: "reload" });
    let tries = 0;
    const text = () => `around the reload ${tries}`;
    // While it loads it takes nothing.
    await eventually(async () => {
      tries++;
      return slice.receive(text()).then(
        () => true,
        () => false,
      );
    }, "a page that takes a message");
    await slice.has(text());
    // It may be ready still because the reload has not been noticed yet.
    await eventually(
      () =>
        slice.call("/api/messages", "POST", { to: "+15550109999", text: "all well" }).then(
          () => true,
          () => false,
        ),
      "a message that is sent",
    );
    await slice.has("all well", "read");
  });

  await t.test("a page that hangs is not ready, and is replaced", async () => {
    slice.events.forget();
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

test("what goes over WhatsApp's connection does not wake the backend", { timeout: 120_000 }, async (t) => {
  const other = await createSchema();
  t.after(() => other.drop());
  const whatsapp = await WebSocketEnd.listen();
  t.after(() => whatsapp.close());
  const slice = await WebjsSlice.start(other, { STAND_IN_KEEPALIVE_URL: whatsapp.url });
  await slice.link();
  assert.equal(await whatsapp.first(), 80, "a keepalive");
  // The page answers after all that it was sent before, and tells in the same order.
  const probe = () => ask<Probe>(`${slice.slice.platform}/probe`, "POST");
  assert.equal((await probe()).body.alive, true);
  const before = await slice.slice.bytesRead();
  await whatsapp.flood(1_000);
  assert.equal((await probe()).body.alive, true);
  const read = (await slice.slice.bytesRead()) - before;
  assert.ok(read < 50_000, `the backend has read ${read} bytes`);
  assert.equal(await slice.end("SIGTERM"), 0);
});

test("files, groups, a browser that does not close, and the copy of a session", {
  timeout: 300_000,
}, async (t) => {
  const other = await createSchema();
  t.after(() => other.drop());
  const slice = await WebjsSlice.start(other, {
    STAND_IN_QR_SECONDS: "20",
    MEDIA_QUOTA_BYTES: "100000000",
    // Nothing asks the page by itself.
    PROBE_SECONDS: "3600",
    PROBE_TIMEOUT_SECONDS: "5",
  });
  await slice.link();

  await t.test("a file comes in whole, and one goes out whole", async () => {
    const body = { from: "+15550109999", name: "Ada", text: "look", file: { kind: "image" } };
    const { id } = await slice.call<{ id: string }>("/api/simulated/receive", "POST", body);
    await eventually(
      async () => (await slice.messages()).find((message) => message.id === id)?.media?.state === "stored",
      "the photo",
    );
    const photo = await fetch(`${slice.slice.user}/api/messages/${encodeURIComponent(id)}/media`);
    assert.equal(photo.headers.get("content-type"), "image/png");
    assert.equal(Buffer.from(await photo.arrayBuffer()).toString("latin1", 1, 4), "PNG");

    // More than one piece of those in which it crosses into the page.
    const content = Buffer.alloc(2_500_000, "0123456789");
    const form = new FormData();
    form.set("to", "+15550109999");
    form.set("text", "our list");
    form.set("file", new Blob([content], { type: "text/csv" }), "list.csv");
    const sent = await fetch(`${slice.slice.user}/api/messages`, { method: "POST", body: form });
    assert.equal(sent.status, 202);
    const message = await slice.has("our list", "read");
    assert.equal(message.kind, "document");
    assert.equal(message.media?.fileName, "list.csv");
    const arrived = await slice.call<{ size: number; head: string } | null>("/api/simulated/page", "POST", {
      call: "sent",
      argument: message.id,
    });
    assert.deepEqual(arrived, { size: content.length, head: "0123456789", name: "list.csv" });
  });

  await t.test("what WhatsApp no longer has is called gone", async () => {
    const gone = { from: "15550109999@c.us", name: "Ada", text: "too late", type: "image" };
    await slice.call("/api/simulated/page", "POST", {
      call: "receive",
      argument: { ...gone, file: { mimetype: "image/png", size: 9, data: "", gone: true } },
    });
    await eventually(
      async () => (await slice.messages()).find(({ text }) => text === "too late")?.media?.state === "gone",
      "the end of waiting for it",
    );
  });

  await t.test("a group is one conversation, in which everybody has a name", async () => {
    const chat = "120363000000000001@g.us";
    for (const [from, name] of [
      ["15550101111@c.us", "Bo"],
      ["15550102222@c.us", "Cy"],
    ]) {
      const argument = { from, name, chat, chatName: "The choir", text: `it is ${name}` };
      await slice.call("/api/simulated/page", "POST", { call: "receive", argument });
    }
    await eventually(async () => (await slice.messages(chat)).length === 2, "both messages");
    assert.deepEqual(
      (await slice.messages(chat)).map(({ text, author }) => [text, author?.name]),
      [
        ["it is Bo", "Bo"],
        ["it is Cy", "Cy"],
      ],
    );
    const group = (await slice.chats()).find(({ id }) => id === chat);
    assert.equal(group?.name, "The choir");
    assert.equal(group?.phoneNumber, null);
  });

  await t.test("a page that died in its sleep is found when the platform asks, and replaced", async () => {
    const probe = async () => {
      const { body } = await ask<Probe>(`${slice.slice.platform}/probe`, "POST");
      return [body.alive, body.status.state, body.status.reason];
    };
    assert.deepEqual(await probe(), [true, "ready", null]);
    await slice.call("/api/simulated/page", "POST", { call: "hang" });
    assert.deepEqual(
      await Promise.all([probe(), probe()]),
      Array(2).fill([false, "disconnected", "page_hung"]),
    );
    await probe();
    await slice.state("ready");
    assert.deepEqual(await probe(), [true, "ready", null]);
  });

  await t.test("a browser that does not close is killed, in the time that a slice has to stop", async () => {
    for (const pid of await slice.browsers()) process.kill(pid, "SIGSTOP");
    assert.equal(await slice.end("SIGTERM"), 0);
    assert.deepEqual(await slice.browsers(), []);
  });

  await t.test("a copy of the session is put back when the profile is lost", async () => {
    await slice.run();
    await slice.state("ready");
    assert.equal(await slice.end("SIGTERM"), 0);
    await rm(join(slice.dir, "session"), { recursive: true });
    await slice.run();
    await slice.state("logged_out", "link_lost");
    assert.ok((await slice.status()).snapshotAt);
    await slice.call("/api/connection/restore", "POST");
    await slice.state("ready");
    assert.equal((await ask(`${slice.slice.user}/api/connection/restore`, "POST")).status, 409);
  });
});

test("what nobody uses is made smaller, and in the first night a new link is copied aside, and it comes back by itself", {
  timeout: 120_000,
}, async (t) => {
  const other = await createSchema();
  t.after(() => other.drop());
  const clock = new SkippingClock();
  const dir = await WebjsSlice.profileDir();
  const slice = await startSlice(testConfig(other, webjsEnvironment(dir)), clock, createLog(7, "fatal"));
  t.after(() => slice.stop());
  let client = new EventClient(slice.user);
  await client.first("status", ({ state }) => state === "qr");
  await ask(`${slice.user}/api/simulated/scan`, "POST");
  const linked = await client.first("status", ({ state }) => state === "ready");
  assert.equal(linked.snapshotAt, null);
  const before = await browsersOn(join(dir, "session"));

  // Half a minute after the last user has left the page's garbage is collected.
  const page = async <Said>(call: string) =>
    (await ask<Said>(`${slice.user}/api/simulated/page`, "POST", { call })).body;
  await page("litter");
  client.close();
  await eventually(async () => {
    clock.skip(31_000);
    return (await page<{ collected: boolean }>("collected")).collected;
  }, "the garbage to be collected");
  client = new EventClient(slice.user);

  clock.skip(24 * 60 * 60_000);
  const copied = await client.first(
    "status",
    ({ state, snapshotAt }) => state === "ready" && snapshotAt !== null,
  );
  assert.equal(copied.phoneNumber, linked.phoneNumber);
  assert.ok(existsSync(join(dir, "snapshot", "Default")), "no copy of the profile");
  const after = await browsersOn(join(dir, "session"));
  assert.deepEqual(
    after.filter((pid) => before.includes(pid)),
    [],
  );
});
