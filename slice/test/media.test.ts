import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, afterEach, before, test } from "node:test";
import { promisify } from "node:util";
import type { Message, Status } from "../src/api.js";
import { ask, EventClient, eventually } from "./support/client.js";
import { mediaDir } from "./support/config.js";
import { createSchema, type TestSchema } from "./support/postgres.js";
import { SliceProcess } from "./support/process.js";

let db: TestSchema;
let slice: SliceProcess;
before(async () => {
  db = await createSchema();
});
after(() => db.drop());
afterEach(async () => {
  EventClient.closeAll();
  await SliceProcess.endAll();
});

const ada = "15550109999@c.us";

async function start(more: Record<string, string> = {}): Promise<void> {
  slice = await SliceProcess.start(db, { SIMULATED_CONTACTS: "3", ...more });
  await eventually(async () => ["qr", "ready"].includes((await status()).state), "a code, or ready");
  if ((await status()).state === "qr") await ask(`${slice.user}/api/simulated/scan`, "POST");
  await eventually(async () => (await status()).state === "ready", "ready");
}

const status = async () => (await ask<Status>(`${slice.user}/api/status`)).body;

async function receive(
  kind: "image" | "document" | "voice",
  bytes?: number,
  name?: string,
): Promise<Message> {
  const file = { kind, ...(bytes && { bytes }), ...(name && { name }) };
  const answer = await ask<Message>(`${slice.user}/api/simulated/receive`, "POST", {
    from: "+15550109999",
    name: "Ada",
    text: "look",
    file,
  });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body;
}

async function message(id: string): Promise<Message | undefined> {
  const page = await ask<{ messages: Message[] }>(`${slice.user}/api/chats/${ada}/messages?limit=200`);
  return page.body.messages.find((each) => each.id === id);
}

async function becomes(id: string, state: string): Promise<Message> {
  await eventually(async () => (await message(id))?.media?.state === state, `a file that is ${state}`);
  return (await message(id)) as Message;
}

const fileOf = (id: string) => `${slice.user}/api/messages/${encodeURIComponent(id)}/media`;

async function sendFile(
  name: string,
  content: Uint8Array<ArrayBuffer>,
  more: { to?: string; text?: string; key?: string; last?: boolean } = {},
) {
  const form = new FormData();
  if (!more.last) form.set("to", more.to ?? ada);
  if (more.text) form.set("text", more.text);
  form.set("file", new Blob([content], { type: "application/octet-stream" }), name);
  if (more.last) form.set("to", more.to ?? ada);
  const response = await fetch(`${slice.user}/api/messages`, {
    method: "POST",
    body: form,
    headers: more.key ? { "idempotency-key": more.key } : {},
  });
  return { status: response.status, body: (await response.json()) as Message & { error: string } };
}

test("files that come in are fetched, kept and served, and none of them as a page", {
  timeout: 60_000,
}, async () => {
  await start();
  const client = new EventClient(slice.user);
  const picture = await receive("image");
  assert.equal(picture.media?.state, "pending");
  const { media } = await becomes(picture.id, "stored");
  await client.first("message", (each) => each.id === picture.id && each.media?.state === "stored");
  const shown = await fetch(fileOf(picture.id));
  assert.equal(shown.headers.get("content-type"), "image/png");
  assert.equal(shown.headers.get("content-disposition"), "inline");
  assert.match(shown.headers.get("content-security-policy") ?? "", /sandbox/);
  assert.equal(shown.headers.get("x-content-type-options"), "nosniff");
  const bytes = Buffer.from(await shown.arrayBuffer());
  assert.equal(bytes.length, media?.bytes);
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");

  const part = await fetch(fileOf(picture.id), { headers: { range: "bytes=1-3" } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), `bytes 1-3/${bytes.length}`);
  assert.equal(await part.text(), "PNG");
  assert.equal(
    (await fetch(fileOf(picture.id), { headers: { range: `bytes=${bytes.length}-` } })).status,
    416,
  );

  const letter = await receive("document", undefined, 'Ange"bot\r\nX: y;ü.pdf');
  await becomes(letter.id, "stored");
  const download = await fetch(fileOf(letter.id));
  assert.equal(download.headers.get("content-type"), "application/octet-stream");
  assert.match(
    download.headers.get("content-disposition") ?? "",
    /^attachment; filename="[^"]*"; filename\*=UTF-8''[\w.%-]+$/,
  );
  assert.equal(download.headers.get("x"), null);

  const gone = await ask<Message>(fileOf(picture.id), "DELETE");
  assert.equal(gone.body.media?.state, "gone");
  assert.equal((await fetch(fileOf(picture.id))).status, 404);
  assert.equal((await readdir(mediaDir(db))).length, 1);
  assert.equal((await ask(fileOf("false_x_y"))).status, 404);
});

test("a file is sent, the same request again sends nothing, and nonsense is refused in words", {
  timeout: 60_000,
}, async () => {
  await start();
  const content = new TextEncoder().encode("twelve bytes");
  const sent = await sendFile("../../etc/Ünicode.txt", content, { text: "see", key: "abc-1" });
  assert.equal(sent.status, 202, JSON.stringify(sent.body));
  assert.deepEqual(sent.body.media, {
    state: "stored",
    mimeType: "text/plain",
    fileName: "Ünicode.txt",
    bytes: 12,
  });
  assert.equal(sent.body.kind, "document");
  await eventually(async () => (await message(sent.body.id))?.ack === "read", "its being read");
  const [again, atOnce] = await Promise.all(
    [1, 2].map(() => sendFile("Ünicode.txt", content, { text: "see", key: "abc-1", last: true })),
  );
  assert.equal(again?.body.id, sent.body.id);
  assert.equal(atOnce?.body.id, sent.body.id);
  assert.equal((await sendFile("Ünicode.txt", content, { text: "other", key: "abc-1" })).status, 409);
  assert.equal((await sendFile("empty", new Uint8Array())).status, 400);
  assert.equal((await sendFile("a", content, { to: "nobody" })).status, 400);
  assert.equal((await sendFile("a", content, { key: "not a key" })).status, 400);
  const text = { to: ada, text: "once" };
  const keyed = () =>
    fetch(`${slice.user}/api/messages`, {
      method: "POST",
      body: JSON.stringify(text),
      headers: { "content-type": "application/json", "idempotency-key": "t1" },
    }).then((answer) => answer.json() as Promise<Message>);
  const [one, two] = await Promise.all([keyed(), keyed()]);
  assert.equal(one.id, two.id);
  assert.equal(
    Buffer.from(await (await fetch(fileOf(sent.body.id))).arrayBuffer()).toString(),
    "twelve bytes",
  );
});

test("a full storage takes no more files, text goes on, and room makes up for it", {
  timeout: 60_000,
}, async () => {
  await db.rows("DELETE FROM messages");
  await start({ MEDIA_QUOTA_BYTES: "300000", MEDIA_MAX_BYTES: "200000" });
  const client = new EventClient(slice.user);
  const first = await receive("document", 150_000);
  await becomes(first.id, "stored");
  const second = await receive("document", 125_000);
  await becomes(second.id, "stored");
  await client.first("status", (each) => each.storage.level === "warning");
  assert.equal((await status()).storage.usedBytes, 275_000);
  const third = await receive("document", 100_000);
  await becomes(third.id, "over_quota");
  const large = await receive("document", 250_000);
  await becomes(large.id, "too_large");
  // Larger than what the connection holds of it when it is refused.
  const refused = await sendFile("a.bin", new Uint8Array(2_500_000));
  assert.equal(refused.status, 413);
  assert.match(refused.body.error, /storage is full/);
  assert.equal((await readdir(mediaDir(db))).length, 2, "a refused file was left behind");
  assert.equal(
    (await ask(`${slice.user}/api/messages`, "POST", { to: ada, text: "text goes on" })).status,
    202,
  );
  await ask(fileOf(first.id), "DELETE");
  assert.equal((await status()).storage.level, "ok");
  await becomes(third.id, "stored");
  assert.equal((await ask(`${slice.platform}/quota`, "PUT", { mediaBlocked: true })).status, 200);
  assert.equal((await status()).storage.level, "full");
  const fourth = await receive("image");
  await becomes(fourth.id, "over_quota");
  await ask(`${slice.platform}/quota`, "PUT", { mediaBlocked: false });
  await becomes(fourth.id, "stored");
});

test("after a crash between two steps nothing is lost, and no file is left that nobody knows", {
  timeout: 60_000,
}, async () => {
  await start();
  const orphan = join(mediaDir(db), "0123.part");
  await writeFile(orphan, "half");
  const held = await receive("document", 30_000_000);
  await slice.end("SIGKILL");
  await db.rows("UPDATE messages SET media_state = 'pending' WHERE id = $1", [held.id]);
  await start({ MEDIA_QUOTA_BYTES: "100000000" });
  await becomes(held.id, "stored");
  assert.equal(
    (await stat(join(mediaDir(db), createHash("sha256").update(held.id).digest("hex")))).size,
    30_000_000,
  );
  await assert.rejects(stat(orphan));
});

test("the export holds everything, in little memory, and no formula", { timeout: 180_000 }, async (t) => {
  await start({ MEDIA_QUOTA_BYTES: "3000000000", MEDIA_MAX_BYTES: "1000000000" });
  await ask(`${slice.user}/api/simulated/receive`, "POST", {
    from: "+15550109999",
    name: "Ada",
    text: '=HYPERLINK("http://x")',
  });
  // Files as large as they come, made without being sent: the export reads them like any other.
  const large = await Promise.all([1, 2, 3].map(() => receive("document", 1000, "film.bin")));
  for (const { id } of large) {
    await becomes(id, "stored");
    await truncate(join(mediaDir(db), createHash("sha256").update(id).digest("hex")), 700_000_000);
  }
  const before = await memory();
  const began = new Date();
  const path = join(mediaDir(db), "..", `${db.schema}.zip`);
  t.after(() => rm(path, { force: true }));
  let peak = before;
  const watch = setInterval(
    () =>
      memory()
        .then((bytes) => (peak = Math.max(peak, bytes)))
        .catch(() => {}),
    100,
  );
  const { body } = await fetch(`${slice.user}/api/export`);
  assert.ok(body);
  const [refused] = await Promise.all([
    ask(`${slice.user}/api/export`),
    pipeline(Readable.fromWeb(body), createWriteStream(path)),
  ]);
  clearInterval(watch);
  assert.equal(refused.status, 429);
  t.diagnostic(
    `an export of ${Math.round((await stat(path)).size / 1e6)} MB took ${Math.round((peak - before) / 1e6)} MB of memory`,
  );
  assert.ok((await stat(path)).size > 2e9);
  assert.ok(peak - before < 64e6, `the export took ${Math.round((peak - before) / 1e6)} MB`);

  // Every byte is held against its sum.
  await unzip("-tqq", path);
  const names = (await unzip("-Z1", path)).trimEnd().split("\n");
  const read = (name: string) => unzip("-p", path, name);
  for (const name of [
    "README.txt",
    "messages.json",
    "messages.csv",
    "chats.csv",
    "contacts.csv",
    "contacts.vcf",
  ]) {
    assert.ok(names.includes(name), `${name} is missing`);
  }
  const media = names.filter((name) => name.startsWith("media/"));
  assert.equal(media.filter((name) => name.endsWith("_film.bin")).length, 3);
  for (const name of media) assert.doesNotMatch(name, /\.\.|^\/|\\/);
  const csv = await read("messages.csv");
  assert.ok(csv.startsWith("\ufeffat,chat,"), "the mark of UTF-8 is missing");
  assert.match(csv, /'=HYPERLINK/);
  assert.doesNotMatch(csv, /[^']=HYPERLINK/);
  const json = JSON.parse(await read("messages.json")) as Message[];
  // What comes in by itself while it is made may be missing.
  const known = await db.rows<{ id: string }>(`SELECT id FROM messages WHERE at < '${began.toISOString()}'`);
  const exported = new Set(json.map(({ id }) => id));
  assert.deepEqual(
    known.filter(({ id }) => !exported.has(id)),
    [],
  );
  assert.equal(exported.size, json.length);
  assert.match(await read("contacts.vcf"), /BEGIN:VCARD\r\nVERSION:3\.0\r\nFN:/);
});

test("deleting all data leaves nothing, and a deletion that was cut off is finished", {
  timeout: 60_000,
}, async () => {
  await start();
  assert.equal((await ask(`${slice.user}/api/data`, "DELETE", { confirm: "delete" })).status, 400);
  assert.equal((await ask(`${slice.user}/api/data`, "DELETE", {})).status, 400);
  assert.notDeepEqual(await db.rows("SELECT 1 FROM messages LIMIT 1"), []);
  const [first, second] = await Promise.all(
    [1, 2].map(() => ask<Status>(`${slice.user}/api/data`, "DELETE", { confirm: "DELETE" })),
  );
  assert.deepEqual([first?.status, second?.status], [200, 200]);
  assert.equal(first?.body.state, "logged_out");
  assert.equal(first?.body.reason, "data_deleted");
  assert.equal(first?.body.phoneNumber, null);
  await isEmpty();

  await ask(`${slice.user}/api/connection/restart`, "POST");
  await eventually(async () => (await status()).state === "qr", "new codes");
  await slice.end("SIGKILL");
  await db.rows(
    "INSERT INTO engine_state VALUES ('erasing', 'true'), ('link', '{\"phoneNumber\": \"+15550100000\"}')",
  );
  await db.rows("INSERT INTO contacts (id, name) VALUES ('1@c.us', 'left over')");
  await writeFile(join(mediaDir(db), "left over"), "x");
  slice = await SliceProcess.start(db);
  await eventually(async () => (await status()).state === "qr", "codes: the link is gone");
  await isEmpty();
});

async function isEmpty(): Promise<void> {
  for (const table of ["messages", "chats", "contacts"]) {
    assert.deepEqual(await db.rows(`SELECT * FROM ${table}`), [], table);
  }
  // What the platform has ordered is not the user's.
  assert.deepEqual(
    await db.rows("SELECT * FROM engine_state WHERE key NOT IN ('media_blocked', 'media_quota')"),
    [],
  );
  assert.deepEqual(await readdir(mediaDir(db)), []);
}

/** The resident memory of the backend, in bytes. */
async function memory(): Promise<number> {
  const text = (await ask<string>(`${slice.platform}/metrics`)).body;
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** What the program that people have says of an archive, or has in it; rejects where it complains. */
async function unzip(...words: string[]): Promise<string> {
  return (await promisify(execFile)("unzip", words, { maxBuffer: 2 ** 26 })).stdout;
}
