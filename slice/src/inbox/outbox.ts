import type { Logger } from "pino";
import type { Message } from "../api.js";
import type { Clock } from "../clock.js";
import { type Engine, NotConnected } from "../engine/engine.js";
import { untilStored } from "../store/retry.js";
import type { Inbox } from "./inbox.js";

/**
 * Hands pending messages to the engine, one after the other, in the order in which they
 * were written. They wait in Postgres: after a crash or a dropped connection `resume`
 * takes up what was left.
 */
export class Outbox {
  readonly #inbox: Inbox;
  readonly #engine: Pick<Engine, "send" | "status">;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #queue: Message[] = [];
  #working: Promise<void> | null = null;

  constructor(inbox: Inbox, engine: Pick<Engine, "send" | "status">, clock: Clock, log: Logger) {
    this.#inbox = inbox;
    this.#engine = engine;
    this.#clock = clock;
    this.#log = log;
  }

  /** Sends a message that has just been stored. */
  add(message: Message): void {
    this.#queue.push(message);
    this.#work(async () => {});
  }

  /** Sends everything that is stored as pending. Call it whenever the session has become ready. */
  resume(): void {
    this.#work(async () => {
      const stored = await untilStored(this.#clock, this.#stop.signal, () => this.#inbox.pending());
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
          this.#log.error({ err }, "the outbox stopped; it goes on with the next message");
      })
      .finally(() => {
        if (this.#working === working) this.#working = null;
      });
    this.#working = working;
  }

  async #drain(): Promise<void> {
    const signal = this.#stop.signal;
    while (!signal.aborted && this.#engine.status().state === "ready") {
      const message = this.#queue[0];
      if (!message) return;
      const ack = await this.#handOver(message);
      if (ack === null) return;
      await untilStored(this.#clock, signal, (attempt) => this.#inbox.acknowledge(message, ack, attempt > 1));
      this.#queue = this.#queue.filter((queued) => queued.id !== message.id);
    }
  }

  /** null: not now. */
  async #handOver(message: Message): Promise<"sent" | "failed" | null> {
    try {
      await this.#engine.send(message, null);
      return "sent";
    } catch (err) {
      if (err instanceof NotConnected) return null;
      this.#log.warn({ err }, "WhatsApp refused a message");
      return "failed";
    }
  }
}
