import type { EngineState } from "./store/engine_state.js";

/** Whether the platform has blocked new media, because the customer's storage is full. */
export class Quota {
  readonly #memory: Pick<EngineState, "get" | "set">;
  #mediaBlocked = false;

  constructor(memory: Pick<EngineState, "get" | "set">) {
    this.#memory = memory;
  }

  get mediaBlocked(): boolean {
    return this.#mediaBlocked;
  }

  /** Reads what was set before the last restart. */
  async load(): Promise<void> {
    this.#mediaBlocked = (await this.#memory.get<boolean>("media_blocked")) ?? false;
  }

  /** Counts from the next file on, and after a restart too. */
  async setMediaBlocked(blocked: boolean): Promise<void> {
    await this.#memory.set("media_blocked", blocked);
    this.#mediaBlocked = blocked;
  }
}
