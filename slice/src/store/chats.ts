import type { Chat, Message } from "../api.js";
import type { Queryable } from "./database.js";
import { type MessageRow, messageOf } from "./messages.js";

/** A chat that may have to be made. */
export interface NewChat {
  id: string;
  name: string;
  phoneNumber: string | null;
  unread: number;
}

interface ChatRow {
  id: string;
  name: string;
  phone_number: string | null;
  unread: number;
  last: MessageRow | null;
}

const selectChats = `
  SELECT c.id, c.name, c.phone_number, c.unread, to_jsonb(m) AS last
  FROM chats c
  LEFT JOIN LATERAL (
    SELECT * FROM messages WHERE chat_id = c.id ORDER BY at DESC, id DESC LIMIT 1
  ) m ON true`;

/** Newest conversation first; chats without a message last. */
export async function listChats(db: Queryable): Promise<Chat[]> {
  const rows = await db.query<ChatRow>(`${selectChats} ORDER BY c.last_message_at DESC NULLS LAST, c.id`);
  return rows.map(chatOf);
}

/** null if there is no such chat. */
export async function findChat(db: Queryable, id: string): Promise<Chat | null> {
  const rows = await db.query<ChatRow>(`${selectChats} WHERE c.id = $1`, [id]);
  return rows[0] ? chatOf(rows[0]) : null;
}

/** Adds chats whose id is not known yet and leaves the others as they are. */
export async function addChats(db: Queryable, chats: NewChat[]): Promise<void> {
  await db.query(
    `INSERT INTO chats (id, name, phone_number, unread)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])
     ON CONFLICT (id) DO NOTHING`,
    [
      chats.map((c) => c.id),
      chats.map((c) => c.name),
      chats.map((c) => c.phoneNumber),
      chats.map((c) => c.unread),
    ],
  );
}

/** Adds chats, and brings those that are known to what the phone says of them. */
export async function saveChats(db: Queryable, chats: NewChat[]): Promise<void> {
  await db.query(
    `INSERT INTO chats (id, name, phone_number, unread)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, unread = excluded.unread`,
    [
      chats.map((c) => c.id),
      chats.map((c) => c.name),
      chats.map((c) => c.phoneNumber),
      chats.map((c) => c.unread),
    ],
  );
}

/** Moves a chat up to the time of a message, and counts it if it is unread. */
export async function touchChat(db: Queryable, id: string, at: string, unread: 0 | 1): Promise<void> {
  await db.query(
    `UPDATE chats SET last_message_at = GREATEST(last_message_at, $2), unread = unread + $3 WHERE id = $1`,
    [id, at, unread],
  );
}

/** Moves chats up to the times of these messages. */
export async function touchChats(db: Queryable, messages: Message[]): Promise<void> {
  await db.query(
    `UPDATE chats SET last_message_at = GREATEST(last_message_at, newest.at)
     FROM (SELECT chat_id, max(at) AS at FROM unnest($1::text[], $2::timestamptz[]) AS m (chat_id, at)
           GROUP BY chat_id) AS newest
     WHERE chats.id = newest.chat_id`,
    [messages.map((m) => m.chatId), messages.map((m) => m.at)],
  );
}

export async function clearUnread(db: Queryable, id: string): Promise<void> {
  await db.query("UPDATE chats SET unread = 0 WHERE id = $1", [id]);
}

function chatOf({ id, name, phone_number: phoneNumber, unread, last }: ChatRow): Chat {
  return { id, name, phoneNumber, unread, lastMessage: last && messageOf(last) };
}
