import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readdir, rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { Message, Status } from "../src/api.js";
import { ask, eventually } from "./support/client.js";
import { environment, mediaDir } from "./support/config.js";
import { createSchema, type TestSchema } from "./support/postgres.js";
import { SliceProcess } from "./support/process.js";

let db: TestSchema;
let dir: string;
before(async () => {
  db = await createSchema();
  dir = await mkdtemp(join(tmpdir(), "export-"));
});
after(async () => {
  await SliceProcess.endAll();
  await rm(dir, { recursive: true, force: true });
  await db.drop();
});

async function start(more: Record<string, string> = {}): Promise<SliceProcess> {
  const slice = await SliceProcess.start(db, { SIMULATED_CONTACTS: "3", ...more });
  const state = async () => (await ask<Status>(`${slice.platform}/status`)).body.state;
  await eventually(async () => ["qr", "ready"].includes(await state()), "a code, or ready");
  if ((await state()) === "qr") await ask(`${slice.user}/api/simulated/scan`, "POST");
  await eventually(async () => (await state()) === "ready", "ready");
  return slice;
}

/** The program that the platform runs of a slice that rests, with nothing but what it is given. */
function resting(more: Record<string, string> = {}): ChildProcess {
  const { SLICE_ID, DB_SCHEMA, DATABASE_URL, MEDIA_DIR } = environment(db);
  const env = { PATH: process.env.PATH, SLICE_ID, DB_SCHEMA, DATABASE_URL, MEDIA_DIR, ...more };
  return spawn(process.execPath, ["dist/export.js"], { env, stdio: ["ignore", "pipe", "pipe"] });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; errors: string }> {
  let errors = "";
  child.stderr?.on("data", (text) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  return { code, errors };
}

const unzip = async (...words: string[]) => (await promisify(execFile)("unzip", words)).stdout;

async function contents(path: string): Promise<{ messages: Message[]; names: string[] }> {
  await unzip("-tqq", path);
  const names = (await unzip("-Z1", path)).trimEnd().split("\n").sort();
  return { messages: JSON.parse(await unzip("-p", path, "messages.json")), names };
}

test("the platform gets the same export as the user, and a slice that rests gives the same again", {
  timeout: 60_000,
}, async () => {
  const slice = await start();
  const received = await ask<Message>(`${slice.user}/api/simulated/receive`, "POST", {
    from: "+15550109999",
    name: "Ada",
    text: "keep this",
    file: { kind: "document", bytes: 300_000, name: "paper.bin" },
  });
  await eventually(
    async () =>
      (await db.rows("SELECT 1 FROM messages WHERE id = $1 AND media_state = 'stored'", [received.body.id]))
        .length === 1,
    "the file is stored",
  );

  const answer = await fetch(`${slice.platform}/export`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/zip");
  assert.ok(answer.body);
  const [refused] = await Promise.all([
    ask(`${slice.platform}/export`),
    pipeline(Readable.fromWeb(answer.body), createWriteStream(join(dir, "platform.zip"))),
  ]);
  assert.equal(refused.status, 429, "two at once");
  const platform = await contents(join(dir, "platform.zip"));
  assert.ok(platform.messages.some(({ text }) => text === "keep this"));
  assert.ok(platform.names.some((name) => name.endsWith("_paper.bin")));
  assert.equal((await ask(`${slice.user}/export`)).status, 404, "it is the platform's alone");
  assert.equal(await slice.end("SIGTERM"), 0);

  const before = await db.rows("SELECT * FROM engine_state ORDER BY key");
  const child = resting();
  assert.ok(child.stdout);
  const [end] = await Promise.all([
    ended(child),
    pipeline(child.stdout, createWriteStream(join(dir, "resting.zip"))),
  ]);
  assert.deepEqual(end, { code: 0, errors: "" });
  assert.deepEqual(await contents(join(dir, "resting.zip")), platform);
  assert.deepEqual(await db.rows("SELECT * FROM engine_state ORDER BY key"), before);
});

test("an export that cannot be made whole ends with 1, and says why on standard error alone", {
  timeout: 60_000,
}, async () => {
  const away = `postgresql://nobody@/none?host=${dir}`; // no Postgres listens there
  for (const [env, says] of [
    [{ DATABASE_URL: away }, /the export failed/],
    [{ DATABASE_URL: "" }, /The export cannot start: DATABASE_URL is missing/],
  ] as const) {
    const child = resting(env);
    child.stdout?.resume();
    const { code, errors } = await ended(child);
    assert.equal(code, 1);
    assert.match(errors, says);
    assert.doesNotMatch(errors, /keep this/);
  }
  const child = resting();
  child.stdout?.once("data", () => child.stdout?.destroy());
  assert.equal((await ended(child)).code, 1, "nobody read it to its end");
  for (const name of await readdir(mediaDir(db))) await unlink(join(mediaDir(db), name));
  const without = resting();
  without.stdout?.resume();
  assert.equal((await ended(without)).code, 0, "a file that is gone is left out");
});

test("a quota that is set while the slice runs outlives its restart, and not its container", {
  timeout: 60_000,
}, async () => {
  let slice = await start();
  const quota = async () => {
    const { body } = await ask<Status>(`${slice.platform}/status`);
    return body.storage.quotaBytes;
  };
  const put = (body: unknown) => ask(`${slice.platform}/quota`, "PUT", body);
  assert.equal(await quota(), 1_000_000);
  assert.deepEqual((await put({ bytes: 3_000_000 })).body, { mediaBlocked: false, bytes: 3_000_000 });
  assert.equal(await quota(), 3_000_000);
  assert.match((await ask<string>(`${slice.platform}/metrics`)).body, /^slice_media_quota_bytes 3000000$/m);
  assert.deepEqual((await put({ mediaBlocked: true })).body, { mediaBlocked: true, bytes: 3_000_000 });
  for (const wrong of [{}, { bytes: -1 }, { bytes: "5" }, { bytes: 1.5 }, { size: 1 }]) {
    assert.equal((await put(wrong)).status, 400, JSON.stringify(wrong));
  }
  await slice.end("SIGKILL");
  slice = await start();
  await eventually(async () => (await quota()) === 3_000_000, "the quota that was set");
  await slice.end("SIGTERM");
  await db.rows(
    "UPDATE engine_state SET value = jsonb_set(value, '{container}', '\"another\"') WHERE key = 'media_quota'",
  );
  slice = await start({ MEDIA_QUOTA_BYTES: "2000000" });
  assert.equal(await quota(), 2_000_000, "as the new container was told");
});
