import { type Clock, sleep } from "../../clock.js";
import type { SimulatedConfig } from "../../config.js";
import type { EngineSink } from "../engine.js";
import { historyOf } from "./history.js";
import { peopleOf } from "./people.js";

interface SyncDependencies {
  sliceId: number;
  config: Pick<SimulatedConfig, "contacts" | "syncSeconds">;
  clock: Clock;
  sink: EngineSink;
  linkedAt: number;
}

const stepMs = 200;

/** Brings the phone's people and conversations in, a few at a time. May be run again after it was cut off. */
export async function syncPhone(deps: SyncDependencies, signal: AbortSignal): Promise<void> {
  const { sliceId, config, clock, sink } = deps;
  const people = peopleOf(sliceId, config.contacts);
  const history = historyOf(sliceId, people, deps.linkedAt);
  const steps = Math.max(1, Math.round((config.syncSeconds * 1000) / stepMs));
  for (let step = 1; step <= steps; step++) {
    if (config.syncSeconds > 0) await sleep(clock, (config.syncSeconds * 1000) / steps, signal);
    const contacts = share(people, step, steps);
    const chats = share(history, step, steps);
    await sink.store({
      contacts,
      chats: chats.map((past) => past.chat),
      messages: chats.flatMap((past) => past.messages),
    });
    signal.throwIfAborted();
    sink.synced({
      contacts: upTo(people.length, step, steps),
      chats: upTo(history.length, step, steps),
      done: step === steps,
    });
  }
}

function share<T>(list: T[], step: number, steps: number): T[] {
  return list.slice(upTo(list.length, step - 1, steps), upTo(list.length, step, steps));
}

function upTo(length: number, step: number, steps: number): number {
  return Math.round((length * step) / steps);
}
