import type { Ack, Media, MediaState, Message, MessageKind } from "../api.js";
import type { Queryable } from "./database.js";

/** A row of the table; `at` is text where it comes out of JSON. */
export interface MessageRow {
  id: string;
  chat_id: string;
  from_me: boolean;
  kind: MessageKind;
  text: string;
  at: Date | string;
  ack: Ack | null;
  media_state: MediaState | null;
  media_type: string | null;
  media_name: string | null;
  media_bytes: string | number | null;
  author_id: string | null;
  author_name: string | null;
}

/** Up to `limit` messages of a chat, oldest first, ending just before the message `before` (or at the newest). */
export async function pageOfMessages(
  db: Queryable,
  chatId: string,
  before: string | null,
  limit: number,
): Promise<Message[]> {
  const rows = await db.query<MessageRow>(
    `SELECT * FROM messages
     WHERE chat_id = $1
       AND ($2::text IS NULL OR (at, id) < (SELECT at, id FROM messages WHERE id = $2 AND chat_id = $1))
     ORDER BY at DESC, id DESC LIMIT $3`,
    [chatId, before, limit],
  );
  return rows.reverse().map(messageOf);
}

/** Whether the chat has that message. */
export async function hasMessage(db: Queryable, chatId: string, id: string): Promise<boolean> {
  const rows = await db.query("SELECT 1 FROM messages WHERE id = $1 AND chat_id = $2", [id, chatId]);
  return rows.length > 0;
}

/** Adds messages whose id is not known yet. Their chats must exist. Returns how many were new. */
export async function addMessages(
  db: Queryable,
  messages: Message[],
  requestKey: string | null = null,
): Promise<number> {
  const rows = await db.query<{ id: string }>(
    `INSERT INTO messages (id, chat_id, from_me, kind, text, at, ack, media_state, media_type, media_name,
                           media_bytes, author_id, author_name, request_key)
     SELECT *, $14::text FROM unnest($1::text[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::timestamptz[],
       $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[])
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [
      messages.map((m) => m.id),
      messages.map((m) => m.chatId),
      messages.map((m) => m.fromMe),
      messages.map((m) => m.kind),
      messages.map((m) => m.text),
      messages.map((m) => m.at),
      messages.map((m) => m.ack),
      messages.map((m) => m.media?.state ?? null),
      messages.map((m) => m.media?.mimeType ?? null),
      messages.map((m) => m.media?.fileName ?? null),
      messages.map((m) => m.media?.bytes ?? null),
      messages.map((m) => m.author?.id ?? null),
      messages.map((m) => m.author?.name ?? null),
      requestKey,
    ],
  );
  return rows.length;
}

/** null if there is no such message. */
export async function findMessage(db: Queryable, id: string): Promise<Message | null> {
  const rows = await db.query<MessageRow>("SELECT * FROM messages WHERE id = $1", [id]);
  return rows[0] ? messageOf(rows[0]) : null;
}

/** The message that a request with this Idempotency-Key has written; null if none has. */
export async function messageOfRequest(db: Queryable, requestKey: string): Promise<Message | null> {
  const rows = await db.query<MessageRow>("SELECT * FROM messages WHERE request_key = $1", [requestKey]);
  return rows[0] ? messageOf(rows[0]) : null;
}

/** Messages after the one given, in the order of an export: by time, then id. */
export async function messagesAfter(
  db: Queryable,
  after: Pick<Message, "at" | "id"> | null,
  limit: number,
): Promise<Message[]> {
  const rows = await db.query<MessageRow>(
    `SELECT * FROM messages WHERE $1::timestamptz IS NULL OR (at, id) > ($1, $2) ORDER BY at, id LIMIT $3`,
    [after?.at ?? null, after?.id ?? null, limit],
  );
  return rows.map(messageOf);
}

/**
 * Moves an own message on to `ack`. False if it is unknown or as far already: acks that
 * come late or twice never take a message back.
 */
export async function advanceAck(db: Queryable, id: string, ack: Ack): Promise<boolean> {
  const rows = await db.query<{ id: string }>(
    `UPDATE messages SET ack = $2
     WHERE id = $1 AND CASE WHEN $2 = 'failed' THEN ack = 'pending' ELSE
       array_position(ARRAY['pending', 'sent', 'delivered', 'read'], ack)
         < array_position(ARRAY['pending', 'sent', 'delivered', 'read'], $2) END
     RETURNING id`,
    [id, ack],
  );
  return rows.length > 0;
}

/** Own messages that WhatsApp has not taken yet, oldest first. */
export async function pendingMessages(db: Queryable): Promise<Message[]> {
  const rows = await db.query<MessageRow>("SELECT * FROM messages WHERE ack = 'pending' ORDER BY at, id");
  return rows.map(messageOf);
}

/** Own messages that are not read yet, or were written since `readSince` and are; oldest first. */
export async function unfinishedMessages(db: Queryable, readSince: Date): Promise<Message[]> {
  const rows = await db.query<MessageRow>(
    `SELECT * FROM messages
     WHERE ack IN ('sent', 'delivered') OR (ack = 'read' AND at > $1) ORDER BY at, id`,
    [readSince],
  );
  return rows.map(messageOf);
}

/** The time of a chat's newest message from one moment to before another, in milliseconds since 1970; null without one. */
export async function newestWithin(
  db: Queryable,
  chatId: string,
  from: Date,
  to: Date,
): Promise<number | null> {
  const [row] = await db.query<{ at: Date | null }>(
    "SELECT max(at) AS at FROM messages WHERE chat_id = $1 AND at >= $2 AND at < $3",
    [chatId, from, to],
  );
  return row?.at?.getTime() ?? null;
}

/** The newest message of every chat, by chat id. */
export async function newestMessages(db: Queryable): Promise<Map<string, { id: string; at: string }>> {
  const rows = await db.query<{ chat_id: string; id: string; at: Date }>(
    "SELECT DISTINCT ON (chat_id) chat_id, id, at FROM messages ORDER BY chat_id, at DESC, id DESC",
  );
  return new Map(rows.map((row) => [row.chat_id, { id: row.id, at: row.at.toISOString() }]));
}

export function messageOf(row: MessageRow): Message {
  return {
    id: row.id,
    chatId: row.chat_id,
    fromMe: row.from_me,
    kind: row.kind,
    text: row.text,
    at: new Date(row.at).toISOString(),
    ack: row.ack,
    media: mediaOf(row),
    author: row.author_id === null ? null : { id: row.author_id, name: row.author_name ?? row.author_id },
  };
}

function mediaOf(row: MessageRow): Media | null {
  if (row.media_state === null) return null;
  return {
    state: row.media_state,
    mimeType: row.media_type ?? "application/octet-stream",
    fileName: row.media_name,
    bytes: row.media_bytes === null ? null : Number(row.media_bytes),
  };
}
