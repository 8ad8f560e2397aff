import type { FastifyRequest } from "fastify";
import mime from "mime";
import type { Message } from "../api.js";
import type { Engine } from "../engine/engine.js";
import type { DraftFile, Inbox } from "../inbox/inbox.js";
import type { Outbox } from "../inbox/outbox.js";
import { type MediaFiles, NoSpace, type Received, TooLarge } from "../media/files.js";
import type { Quota } from "../quota.js";
import { Refusal } from "../refusal.js";

export interface Sending {
  engine: Engine;
  inbox: Inbox;
  outbox: Outbox;
  files: MediaFiles;
  quota: Quota;
  /** The most that one file may have, in bytes. */
  mediaMaxBytes: number;
}

/** What a person wants to send. */
interface Wanted {
  to: string;
  text: string;
  name?: string;
  key?: string | null;
  file?: DraftFile | null;
  /** It does not wait behind what others are sent. */
  urgent?: boolean;
}

/** WhatsApp's own limit. */
const maxCharacters = 65_536;

/** Stores a message and has it sent. Refuses (400) a text that cannot be sent, (409) while not `ready`. */
export async function sendMessage({ engine, inbox, outbox }: Sending, wanted: Wanted): Promise<Message> {
  assertSendable(wanted.text, wanted.file !== undefined && wanted.file !== null);
  assertReady(engine);
  const { message, isNew } = await inbox.compose(wanted);
  if (isNew) outbox.add(message, wanted.urgent);
  return message;
}

/** Reads `to`, `text` and one file out of a form, in any order, and has them sent. */
export async function sendForm(
  sending: Sending,
  request: FastifyRequest,
  key: string | null,
): Promise<Message> {
  const { engine, files, quota, mediaMaxBytes } = sending;
  assertReady(engine);
  const fields: Record<string, string> = { text: "" };
  let received: (Received & { name: string; type: string }) | null = null;
  let adopted = false;
  try {
    for await (const part of request.parts()) {
      if (part.type === "field") {
        if (part.fieldname !== "to" && part.fieldname !== "text") throw unknownField(part.fieldname);
        fields[part.fieldname] = String(part.value);
        continue;
      }
      if (part.fieldname !== "file" || received) throw unknownField(part.fieldname);
      const name = cleanName(part.filename);
      const file = await files
        .receive(part.file, Math.min(mediaMaxBytes, quota.leftBytes), new AbortController().signal)
        .catch((err) => Promise.reject(refusalOf(err, quota, mediaMaxBytes)));
      received = { ...file, name, type: mime.getType(name) ?? part.mimetype };
    }
    if (!received) throw new Refusal(400, "There is no file in the form: add one as “file”.");
    if (received.bytes === 0) throw new Refusal(400, "The file is empty. Choose another one.");
    if (!(await files.hasRoom(0))) throw refusalOf(new NoSpace(), quota, mediaMaxBytes);
    const { bytes, name, type } = received;
    const file = received;
    const message = await sendMessage(sending, {
      to: fields.to ?? "",
      text: fields.text ?? "",
      key,
      file: {
        kind: kindOf(type),
        media: { state: "stored", mimeType: type, fileName: name, bytes },
        async adopt(messageId) {
          await files.adopt(file, messageId);
          adopted = true;
        },
      },
    });
    if (adopted) quota.add(bytes);
    return message;
  } finally {
    // The rest of a refused form is read away: behind it on the connection is the next request.
    request.raw.unpipe();
    request.raw.resume();
    if (received && !adopted) await files.drop(received);
  }
}

/** The key of a request that may be repeated; null without one. Refuses (400) one that is none. */
export function idempotencyKey(request: FastifyRequest): string | null {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return null;
  if (typeof key !== "string" || !/^[A-Za-z0-9-]{1,100}$/.test(key)) {
    throw new Refusal(400, "The Idempotency-Key must be 1 to 100 letters, digits and dashes.");
  }
  return key;
}

function kindOf(type: string): Message["kind"] {
  if (/^image\/(png|jpeg|webp|gif)$/.test(type)) return "image";
  if (type === "video/mp4") return "video";
  return /^audio\//.test(type) ? "audio" : "document";
}

/** The name as people know it, without the folders of whoever's machine it was on. */
function cleanName(name: string): string {
  const base = name.replace(/^.*[\\/]/s, "").replace(/[\p{Cc}\p{Cf}]/gu, "");
  return base.slice(0, 200).toWellFormed() || "file";
}

function refusalOf(err: unknown, quota: Quota, mediaMaxBytes: number): unknown {
  const full = new Refusal(413, "Your storage is full, so the file was not taken. Delete some files first.");
  if (err instanceof NoSpace) return full;
  if (!(err instanceof TooLarge)) return err;
  if (quota.leftBytes < mediaMaxBytes) return full;
  return new Refusal(413, `The file is too large: ${Math.floor(mediaMaxBytes / 2 ** 20)} MB is the most.`);
}

function unknownField(name: string): Refusal {
  return new Refusal(400, `The field “${name}” is not known here: send “to”, “text” and one “file”.`);
}

function assertReady(engine: Engine): void {
  if (engine.status().state !== "ready") {
    throw new Refusal(409, "WhatsApp is not connected. Connect it first, then send again.");
  }
}

function assertSendable(text: string, hasFile: boolean): void {
  if (text.trim() === "" && !hasFile) throw new Refusal(400, "The message is empty. Write something first.");
  if ([...text].length > maxCharacters) {
    throw new Refusal(400, `The message is too long: ${maxCharacters} characters are the most.`);
  }
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new Refusal(400, "The message holds a character that cannot be sent. Remove it and send again.");
  }
}
