import type { Logger } from "pino";
import { type Clock, sleep } from "../clock.js";
import type { Use } from "../use.js";

/** How often a page is asked whether it lives while that matters, and how long it may take. */
export interface PulseConfig {
  everySeconds: number;
  timeoutSeconds: number;
}

/** The page that is asked. */
export interface Asked {
  /** Whether it is there to be asked, and what its session says is `ready`. */
  there(): boolean;
  ready(): boolean;
  /** Resolves if it is as its status says. Rejects with Unsound if it answers and is not, or with why it does not answer. */
  answer(): Promise<void>;
  /** It does not answer as it should: it must not pass for connected while it is looked at again. */
  doubt(): void;
  /** It was only slow. */
  believe(): void;
  /** It is dead: the session is begun anew. */
  replace(): void;
}

/** A page that answers and is not as it should be may just be loading itself anew. */
export class Unsound extends Error {}
const soundWithinMs = 30_000;

/** Two silences in a row are a death. */
const silences = 2;

/** A slice that nobody has used for so long sleeps: its page is asked only when the platform wants to know. */
const usedWithinMs = 5 * 60_000;

interface PulseDependencies {
  page: Asked;
  config: PulseConfig;
  use: Use;
  clock: Clock;
  log: Logger;
}

/** Asks a page whether it lives. Its answer is not WhatsApp's word: lastEventAt stays. */
export class Pulse {
  readonly #deps: PulseDependencies;
  #asking: Promise<boolean> | null = null;
  #failures = 0;
  #since = 0;
  #wake: () => void = () => {};

  constructor(deps: PulseDependencies) {
    this.#deps = deps;
  }

  /**
   * Asks now, and does what follows from it. Who asks while it is being asked gets the same
   * answer: whether it is there and is as it should be.
   */
  ask(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Asks again and again, while the slice is in use or not ready, until the signal is aborted. */
  async run(over: AbortSignal): Promise<void> {
    const silence = this.#deps.use.listen(() => this.wake());
    try {
      for (;;) {
        if (!this.#matters()) await this.#woken(over);
        if (await this.#waited(over)) await this.ask();
      }
    } finally {
      silence();
    }
  }

  /** Tells that the status or the use has changed. */
  wake(): void {
    this.#wake();
  }

  #matters(): boolean {
    const { page, use } = this.#deps;
    return page.there() && (!page.ready() || use.idleMs() < usedWithinMs);
  }

  /** Resolves when it matters again. Sets no timer: an idle slice is not to be woken. */
  #woken(over: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.#wake = () => {};
        over.removeEventListener("abort", abort);
        settle();
      };
      const abort = () => end(() => reject(over.reason));
      this.#wake = () => {
        if (this.#matters()) end(resolve);
      };
      if (over.aborted) return abort();
      over.addEventListener("abort", abort, { once: true });
    });
  }

  /** Waits until it is time for the next question; tells whether it still matters then. */
  async #waited(over: AbortSignal): Promise<boolean> {
    const { config, clock } = this.#deps;
    const enough = new AbortController();
    this.#wake = () => {
      if (!this.#matters()) enough.abort();
    };
    try {
      await sleep(clock, config.everySeconds * 1000, AbortSignal.any([over, enough.signal]));
    } catch {
      over.throwIfAborted();
    } finally {
      this.#wake = () => {};
    }
    return this.#matters();
  }

  async #ask(): Promise<boolean> {
    const { page, config, clock, log } = this.#deps;
    if (!page.there()) return false;
    try {
      await inTime(clock, config.timeoutSeconds * 1000, page.answer());
      this.#failures = 0;
      page.believe();
      return true;
    } catch (err) {
      // What it was asked of may have ended meanwhile.
      if (!page.there()) return false;
      if (this.#failures++ === 0) this.#since = clock.now();
      log.warn({ err: String(err), failures: this.#failures }, "the page does not answer as it should");
      const patience = err instanceof Unsound ? soundWithinMs : 0;
      if (this.#failures >= silences && clock.now() - this.#since >= patience) page.replace();
      else page.doubt();
      return false;
    }
  }
}

/** Rejects when the promise is not settled in time. */
async function inTime(clock: Clock, ms: number, promise: Promise<void>): Promise<void> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.timer(ms, () => reject(new Error(`no answer in ${ms} ms`)));
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
