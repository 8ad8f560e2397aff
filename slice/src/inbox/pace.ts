import type { Clock } from "../clock.js";
import type { Queryable } from "../store/database.js";

/** How fast messages may go out. */
export interface PaceConfig {
  /** So many may go one right after the other. */
  burst: number;
  /** After that, so many a minute. */
  perMinute: number;
  /** First messages to people who never wrote: what gets numbers banned. So many an hour. */
  newChatsPerHour: number;
}

/** Pauses vary by this share of their length: no person sends like clockwork. */
const jitter = 0.4;

/** A token bucket: `capacity` at once, one more every `everyMs`. */
class Bucket {
  #tokens: number;
  #at: number;

  constructor(
    readonly capacity: number,
    readonly everyMs: number,
    now: number,
  ) {
    this.#tokens = capacity;
    this.#at = now;
  }

  /** How long until one may go, in whole milliseconds: what is left of one is no time to a clock. */
  wait(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * this.everyMs);
  }

  take(now: number): void {
    this.#fill(now);
    this.#tokens -= 1;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.capacity, this.#tokens + Math.max(0, now - this.#at) / this.everyMs);
    this.#at = now;
  }
}

/** Says when the next message may go, so that WhatsApp takes the sender for a person. */
export class Pace {
  readonly #clock: Clock;
  readonly #all: Bucket;
  readonly #strangers: Bucket;

  constructor(config: PaceConfig, clock: Clock) {
    this.#clock = clock;
    this.#all = new Bucket(config.burst, 60_000 / config.perMinute, clock.now());
    const everyMs = 3_600_000 / config.newChatsPerHour;
    this.#strangers = new Bucket(Math.max(1, Math.floor(config.burst / 2)), everyMs, clock.now());
  }

  /** Counts what was sent before a restart. */
  recall(sent: { at: number; stranger: boolean }[]): void {
    for (const { at, stranger } of sent.sort((a, b) => a.at - b.at)) {
      this.#all.take(Math.min(at, this.#clock.now()));
      if (stranger) this.#strangers.take(Math.min(at, this.#clock.now()));
    }
  }

  /** How long until a message may go, in milliseconds, without the jitter. */
  wait(stranger: boolean): number {
    const now = this.#clock.now();
    return Math.max(this.#all.wait(now), stranger ? this.#strangers.wait(now) : 0);
  }

  take(stranger: boolean): void {
    this.#all.take(this.#clock.now());
    if (stranger) this.#strangers.take(this.#clock.now());
  }

  /** A pause made as uneven as a person's. */
  vary(ms: number): number {
    return ms * (1 - jitter + 2 * jitter * Math.random());
  }
}

/** The chats among these in which the other side has never written. */
export async function strangersAmong(db: Queryable, chatIds: string[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `SELECT id FROM unnest($1::text[]) AS asked (id)
     WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.chat_id = asked.id AND NOT m.from_me)`,
    [chatIds],
  );
  return new Set(rows.map((row) => row.id));
}

/** When own messages were written that WhatsApp took in the last hour, and whether to a stranger. */
export async function sentLately(db: Queryable, since: Date): Promise<{ at: number; stranger: boolean }[]> {
  const rows = await db.query<{ at: Date; stranger: boolean }>(
    `SELECT at, NOT EXISTS (SELECT 1 FROM messages t WHERE t.chat_id = m.chat_id AND NOT t.from_me) AS stranger
     FROM messages m WHERE from_me AND ack IN ('sent', 'delivered', 'read') AND at > $1
     ORDER BY at DESC LIMIT 1000`,
    [since],
  );
  return rows.map(({ at, stranger }) => ({ at: at.getTime(), stranger }));
}
