import type { Clock } from "./clock.js";

/**
 * When somebody was last here: a client of the event stream, or a request on the user's port.
 * What the platform asks is no use.
 */
export class Use {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #streams = 0;
  #lastAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastAt = clock.now();
  }

  /** Whether an event stream is open. */
  get open(): boolean {
    return this.#streams > 0;
  }

  /** Milliseconds since somebody was here, or since the start; 0 while an event stream is open. */
  idleMs(): number {
    return this.open ? 0 : Math.max(0, this.#clock.now() - this.#lastAt);
  }

  /** Somebody has asked for something. */
  touch(): void {
    this.#lastAt = this.#clock.now();
    for (const listener of this.#listeners) listener();
  }

  /** Somebody is here until the function that it returns is called. */
  enter(): () => void {
    let here = true;
    this.#streams++;
    this.touch();
    return () => {
      if (!here) return;
      here = false;
      this.#streams--;
      this.touch();
    };
  }

  /** Calls the listener at each of these, until the function that it returns is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
