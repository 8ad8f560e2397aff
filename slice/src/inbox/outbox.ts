import type { Logger } from "pino";
import type { Message } from "../api.js";
import { type Clock, sleep } from "../clock.js";
import { type Engine, NotConnected } from "../engine/engine.js";
import type { Queryable } from "../store/database.js";
import { untilStored } from "../store/retry.js";
import type { Inbox } from "./inbox.js";
import { type Pace, sentLately, strangersAmong } from "./pace.js";

interface OutboxDependencies {
  inbox: Inbox;
  engine: Pick<Engine, "send" | "status">;
  pace: Pace;
  db: Queryable;
  /** Where a message's file is. */
  pathOf(messageId: string): string;
  clock: Clock;
  log: Logger;
}

/** How soon a message is tried again that a session which says that it is ready did not take. */
const againMs = 1_000;

/** How far back what was sent counts for the pace after a restart. */
const recallMs = 60 * 60_000;

/**
 * Hands pending messages to the engine, one after the other and no faster than a person would.
 * They keep their order within a chat; those to people who never wrote wait in a line of their
 * own, so that they do not hold up replies. They wait in Postgres: after a crash or a dropped
 * connection `resume` takes up what was left.
 */
export class Outbox {
  readonly #deps: OutboxDependencies;
  readonly #stop = new AbortController();
  readonly #urgent = new Set<string>();
  #queue: Message[] = [];
  #recalled = false;
  #working: Promise<void> | null = null;
  #woken: () => void = () => {};

  constructor(deps: OutboxDependencies) {
    this.#deps = deps;
  }

  /** Sends a message that has just been stored; an urgent one waits for nothing but its turn. */
  add(message: Message, urgent = false): void {
    this.#queue.push(message);
    if (urgent) this.#urgent.add(message.id);
    this.#woken();
    this.#work(async () => {});
  }

  /** Sends everything that is stored as pending. Call it whenever the session has become ready. */
  resume(): void {
    const { clock, inbox } = this.#deps;
    this.#woken();
    this.#work(async () => {
      const stored = await untilStored(clock, this.#stop.signal, () => inbox.pending());
      // A message may have been added while the list was read.
      const ids = new Set(stored.map((message) => message.id));
      this.#queue = [...stored, ...this.#queue.filter((message) => !ids.has(message.id))];
    });
  }

  /** Stops after the message under way; the others stay pending. */
  async stop(): Promise<void> {
    this.#stop.abort(new NotConnected());
    await this.#working;
  }

  #work(first: () => Promise<void>): void {
    const before = this.#working ?? Promise.resolve();
    const working = before
      .then(first)
      .then(() => this.#drain())
      .catch((err) => {
        if (!this.#stop.signal.aborted)
          this.#deps.log.error({ err }, "the outbox stopped; it goes on with the next message");
      })
      .finally(() => {
        if (this.#working === working) this.#working = null;
      });
    this.#working = working;
  }

  async #drain(): Promise<void> {
    const { clock, inbox, engine, pace } = this.#deps;
    const signal = this.#stop.signal;
    while (!signal.aborted && this.#queue.length > 0 && engine.status().state === "ready") {
      await this.#recall();
      const next = await this.#next();
      if (next.wait > 0) {
        await this.#pause(pace.vary(next.wait));
        continue;
      }
      const ack = await this.#handOver(next.message);
      if (ack === null) {
        // The session may be back before anybody noticed that it was gone: then nobody resumes.
        await this.#pause(againMs);
        continue;
      }
      pace.take(next.stranger);
      await untilStored(clock, signal, (attempt) => inbox.acknowledge(next.message, ack, attempt > 1));
      this.#urgent.delete(next.message.id);
      this.#queue = this.#queue.filter((queued) => queued.id !== next.message.id);
    }
  }

  /** The message that may go first, and how long until then. */
  async #next(): Promise<{ message: Message; stranger: boolean; wait: number }> {
    const { clock, db, pace } = this.#deps;
    const urgent = this.#queue.find((message) => this.#urgent.has(message.id));
    if (urgent) return { message: urgent, stranger: false, wait: 0 };
    // The first of each chat; the others wait behind it.
    const firsts = [
      ...new Map(this.#queue.toReversed().map((message) => [message.chatId, message])).values(),
    ].reverse();
    const strangers = await untilStored(clock, this.#stop.signal, () =>
      strangersAmong(
        db,
        firsts.map((message) => message.chatId),
      ),
    );
    const known = firsts.find((message) => !strangers.has(message.chatId));
    const stranger = firsts.find((message) => strangers.has(message.chatId));
    const waits = { known: pace.wait(false), stranger: pace.wait(true) };
    if (
      stranger &&
      (!known ||
        (waits.stranger <= waits.known && this.#queue.indexOf(stranger) < this.#queue.indexOf(known)))
    ) {
      return { message: stranger, stranger: true, wait: waits.stranger };
    }
    return { message: known as Message, stranger: false, wait: waits.known };
  }

  /** Waits for so long, or until another message comes in, which may go before this one. */
  async #pause(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#woken = () => woken.abort();
    await sleep(this.#deps.clock, ms, AbortSignal.any([this.#stop.signal, woken.signal])).catch(() => {});
    this.#woken = () => {};
  }

  async #recall(): Promise<void> {
    if (this.#recalled) return;
    const { clock, db, pace } = this.#deps;
    const since = new Date(clock.now() - recallMs);
    pace.recall(await untilStored(clock, this.#stop.signal, () => sentLately(db, since)));
    this.#recalled = true;
  }

  /** null: not now. */
  async #handOver(message: Message): Promise<"sent" | "failed" | null> {
    const { engine, pathOf, log } = this.#deps;
    try {
      await engine.send(message, message.media ? pathOf(message.id) : null);
      return "sent";
    } catch (err) {
      if (err instanceof NotConnected) return null;
      log.warn({ err }, "WhatsApp refused a message");
      return "failed";
    }
  }
}
