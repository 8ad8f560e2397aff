import type { Logger } from "pino";
import type { Ack, Contact, Message } from "../../api.js";
import { type Clock, sleep } from "../../clock.js";
import { writePhoneNumber } from "../../phone.js";
import { untilStored } from "../../store/retry.js";
import type { EngineSink } from "../engine.js";
import { chance, fingerprint } from "./random.js";
import { untilAborted } from "./together.js";
import { replyTo } from "./words.js";

/** Own messages whose receivers may still have something to do: not read yet, or read since that time. */
export type Outstanding = (readSince: Date) => Promise<Message[]>;

interface CorrespondentsDependencies {
  clock: Clock;
  sink: EngineSink;
  outstanding: Outstanding;
  heard: () => void;
  ownNumber: string;
  log: Logger;
}

const steps = { sent: 150, delivered: 600, read: 1_200, reply: 2_000 };
const replyWithinMs = 10 * 60_000;

/**
 * The people at the other end: they receive what was sent, read it, and now and then
 * answer. All that follows from a message's id, so it goes on after a crash where it stood.
 */
export class Correspondents {
  readonly #deps: CorrespondentsDependencies;
  readonly #followed = new Map<string, Promise<void>>();
  #signal: AbortSignal | null = null;

  constructor(deps: CorrespondentsDependencies) {
    this.#deps = deps;
  }

  /** How long a message takes to its next step, in milliseconds. */
  delay(id: string, step: keyof typeof steps): number {
    return steps[step] * (1 + chance("delay", step, id).next());
  }

  /** Takes up what was under way, and everything handed to `follow`, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, outstanding } = this.#deps;
    this.#signal = signal;
    try {
      const since = new Date(clock.now() - replyWithinMs);
      for (const message of await untilStored(clock, signal, () => outstanding(since))) this.follow(message);
      await untilAborted(signal);
    } finally {
      this.#signal = null;
      await Promise.all(this.#followed.values());
    }
  }

  /** Carries a message on from its ack. Does nothing while not connected: `run` takes it up then. */
  follow(message: Message): void {
    const signal = this.#signal;
    if (!signal || this.#followed.has(message.id)) return;
    const followed = this.#carry(message, signal)
      .catch((err) => {
        if (!signal.aborted) this.#deps.log.error({ err }, "a simulated receiver failed");
      })
      .finally(() => this.#followed.delete(message.id));
    this.#followed.set(message.id, followed);
  }

  async #carry(message: Message, signal: AbortSignal): Promise<void> {
    if (message.ack === "sent") await this.#step(message, "delivered", signal);
    if (message.ack !== "read") await this.#step(message, "read", signal);
    const text = message.chatId === this.#ownChat ? null : replyTo(message);
    if (text === null) return;
    await sleep(this.#deps.clock, this.delay(message.id, "reply"), signal);
    this.#deps.heard();
    await this.#deps.sink.received({
      message: this.#reply(message, text),
      contact: contactOf(message.chatId),
    });
  }

  async #step(message: Message, ack: Ack & keyof typeof steps, signal: AbortSignal): Promise<void> {
    await sleep(this.#deps.clock, this.delay(message.id, ack), signal);
    this.#deps.heard();
    await this.#deps.sink.acked(message, ack);
    signal.throwIfAborted();
  }

  #reply(to: Message, text: string): Message {
    return {
      id: `false_${to.chatId}_3EB0${fingerprint("reply", to.id).slice(0, 18)}`,
      chatId: to.chatId,
      fromMe: false,
      kind: "text",
      text,
      at: new Date(this.#deps.clock.now()).toISOString(),
      ack: null,
      media: null,
      author: null,
    };
  }

  get #ownChat(): string {
    return `${this.#deps.ownNumber.slice(1)}@c.us`;
  }
}

function contactOf(chatId: string): Contact {
  const phoneNumber = `+${chatId.replace(/@.*/, "")}`;
  return { id: chatId, name: writePhoneNumber(phoneNumber), phoneNumber };
}
