import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/clock.js";

/** A clock that stands still until the test moves it. */
export class ManualClock implements Clock {
  #now = Date.parse("2030-01-01T12:00:00Z");
  #timers = new Set<{ at: number; act: () => void }>();

  now(): number {
    return this.#now;
  }

  timer(ms: number, act: () => void): () => void {
    const timer = { at: this.#now + ms, act };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves the time on, ringing every timer at its moment, and lets what follows from each happen. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due.at);
      this.#timers.delete(due);
      due.act();
      await settle();
    }
    this.#now = end;
  }
}

/** A clock that goes as the machine's does, and that a test can put forward. */
export class SkippingClock implements Clock {
  #ahead = 0;
  readonly #timers = new Map<() => void, { at: number; ring: () => void }>();

  now(): number {
    return Date.now() + this.#ahead;
  }

  timer(ms: number, act: () => void): () => void {
    const ring = () => {
      cancel();
      act();
    };
    const timeout = setTimeout(ring, ms);
    const cancel = () => {
      clearTimeout(timeout);
      this.#timers.delete(cancel);
    };
    this.#timers.set(cancel, { at: this.now() + ms, ring });
    return cancel;
  }

  /** Puts the time forward, and rings every timer that is due then. */
  skip(ms: number): void {
    this.#ahead += ms;
    for (const { at, ring } of [...this.#timers.values()]) if (at <= this.now()) ring();
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}
