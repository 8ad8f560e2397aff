import type { MediaState, Message } from "../api.js";
import type { Queryable } from "./database.js";
import { type MessageRow, messageOf } from "./messages.js";

/** Messages whose file is still to be fetched, oldest first. */
export async function mediaToFetch(db: Queryable, limit: number): Promise<Message[]> {
  const rows = await db.query<MessageRow>(
    "SELECT * FROM messages WHERE media_state = 'pending' ORDER BY at, id LIMIT $1",
    [limit],
  );
  return rows.map(messageOf);
}

/** Says what has become of a message's file. The message as it is now; null if there is none. */
export async function setMediaState(
  db: Queryable,
  id: string,
  state: MediaState,
  bytes: number | null,
): Promise<Message | null> {
  const rows = await db.query<MessageRow>(
    `UPDATE messages SET media_state = $2, media_bytes = coalesce($3, media_bytes)
     WHERE id = $1 AND media_state IS NOT NULL RETURNING *`,
    [id, state, bytes],
  );
  return rows[0] ? messageOf(rows[0]) : null;
}

/** Files that the storage had no room for are fetched again, if they came in since `since`. */
export async function retryOverQuota(db: Queryable, since: Date): Promise<number> {
  const rows = await db.query<{ id: string }>(
    "UPDATE messages SET media_state = 'pending' WHERE media_state = 'over_quota' AND NOT from_me AND at > $1 RETURNING id",
    [since],
  );
  return rows.length;
}

/** What the stored files take up, in bytes. */
export async function storedBytes(db: Queryable): Promise<number> {
  const rows = await db.query<{ sum: string }>(
    "SELECT coalesce(sum(media_bytes), 0) AS sum FROM messages WHERE media_state = 'stored'",
  );
  return Number(rows[0]?.sum ?? 0);
}

/** The ids of the messages whose file is stored. */
export async function storedIds(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ id: string }>("SELECT id FROM messages WHERE media_state = 'stored'");
  return rows.map((row) => row.id);
}
