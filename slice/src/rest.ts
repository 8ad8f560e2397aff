import type { Logger } from "pino";
import type { Clock } from "./clock.js";
import type { Engine } from "./engine/engine.js";
import type { Use } from "./use.js";

/**
 * How long after its last user a slice makes itself small. The platform pushes it to swap later
 * than that: what is freed first need not be written there, and what is compact comes back in
 * fewer pages.
 */
const afterMs = 30_000;

interface RestDependencies {
  engine: Pick<Engine, "rest" | "status">;
  use: Use;
  clock: Clock;
  log: Logger;
}

/** Frees what is only held to be fast, once each time everybody has left. */
export class Rest {
  readonly #deps: RestDependencies;
  readonly #silence: () => void;
  #cancel: (() => void) | null = null;
  #wasReady = false;

  constructor(deps: RestDependencies) {
    this.#deps = deps;
    this.#silence = deps.use.listen(() => this.#arm(afterMs));
  }

  /** Tells that the status has changed: a session that has just become ready has much to free. */
  statusChanged(): void {
    const ready = this.#deps.engine.status().state === "ready";
    if (ready && !this.#wasReady) this.#arm(afterMs);
    this.#wasReady = ready;
  }

  stop(): void {
    this.#silence();
    this.#cancel?.();
  }

  /** A timer that runs already looks for itself whether it is time. */
  #arm(ms: number): void {
    if (this.#cancel) return;
    const { use, clock } = this.#deps;
    this.#cancel = clock.timer(ms, () => {
      this.#cancel = null;
      const left = afterMs - use.idleMs();
      if (left <= 0) void this.#rest();
      // The end of an event stream will say so; no timer needs to look for it.
      else if (!use.open) this.#arm(left);
    });
  }

  async #rest(): Promise<void> {
    const { engine, log } = this.#deps;
    if (engine.status().state !== "ready") return;
    await engine
      .rest()
      .catch((err) => log.warn({ err: String(err) }, "the session could not be made smaller"));
    // There only where the process was started with --expose-gc.
    globalThis.gc?.();
  }
}
