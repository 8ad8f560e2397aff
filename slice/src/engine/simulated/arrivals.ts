import type { Contact, Message } from "../../api.js";
import { type Clock, sleep } from "../../clock.js";
import type { EngineState } from "../../store/engine_state.js";
import { untilStored } from "../../store/retry.js";
import type { EngineSink } from "../engine.js";
import { simulatedFile } from "./files.js";
import { chance, fingerprint } from "./random.js";
import { untilAborted } from "./together.js";
import { opening } from "./words.js";

/** What comes with a message now and then. */
const carried = [
  simulatedFile("image", null),
  simulatedFile("document", "Offer.pdf"),
  simulatedFile("voice", null),
];

interface ArrivalsDependencies {
  sliceId: number;
  clock: Clock;
  sink: EngineSink;
  memory: Pick<EngineState, "get" | "set">;
  people: [Contact, ...Contact[]];
  heard: () => void;
  perMinute: number;
}

/**
 * Messages that arrive by themselves. They are numbered, and what number N says is fixed:
 * one that was stored just before a crash comes again with the same id and is not doubled.
 */
export class Arrivals {
  readonly #deps: ArrivalsDependencies;
  #perMinute: number;
  #rateChanged = new AbortController();

  constructor(deps: ArrivalsDependencies) {
    this.#deps = deps;
    this.#perMinute = deps.perMinute;
  }

  get perMinute(): number {
    return this.#perMinute;
  }

  /** Takes effect at once; 0 stops the messages. */
  setRate(perMinute: number): void {
    this.#perMinute = perMinute;
    this.#rateChanged.abort();
    this.#rateChanged = new AbortController();
  }

  /** Lets messages arrive until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, memory, sink } = this.#deps;
    const kept = await untilStored(clock, signal, () => memory.get<{ next: number }>("arrivals"));
    for (let number = kept?.next ?? 1; ; number++) {
      await this.#pause(number, signal);
      this.#deps.heard();
      await sink.received(this.#arrival(number));
      await untilStored(clock, signal, () => memory.set("arrivals", { next: number + 1 }));
    }
  }

  async #pause(number: number, signal: AbortSignal): Promise<void> {
    const share = 0.5 + chance(this.#deps.sliceId, "pause", number).next();
    for (;;) {
      const changed = this.#rateChanged.signal;
      const either = AbortSignal.any([signal, changed]);
      try {
        if (this.#perMinute === 0) await untilAborted(either);
        return await sleep(this.#deps.clock, (share * 60_000) / this.#perMinute, either);
      } catch (err) {
        if (signal.aborted || !changed.aborted) throw err;
      }
    }
  }

  #arrival(number: number): { message: Message; contact: Contact } {
    const { clock, people, sliceId } = this.#deps;
    const draw = chance(sliceId, "arrival", number);
    // Most of what comes in comes from the few who write often.
    const circle = draw.int(3) === 0 ? people.length : Math.min(12, people.length);
    const contact = people[draw.int(circle)] ?? people[0];
    const id = `false_${contact.id}_3EB0${fingerprint("arrival", sliceId, number).slice(0, 18)}`;
    const at = new Date(clock.now()).toISOString();
    // One in eight is a picture, a letter or a few spoken words.
    const file = draw.int(8) === 0 ? carried[draw.int(3)] : null;
    const message: Message = {
      id,
      chatId: contact.id,
      fromMe: false,
      kind: "text",
      text: opening(draw),
      at,
      ack: null,
      media: null,
      ...file,
      author: null,
    };
    return { message, contact };
  }
}
