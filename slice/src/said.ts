import { rename, writeFile } from "node:fs/promises";
import type { Logger } from "pino";
import type { WaState } from "./api.js";
import { Serial } from "./serial.js";

/** What is written down of a slice whenever it changes. */
export interface Said {
  state: WaState;
  reason: string | null;
  phoneNumber: string | null;
  /** Since when it is `ready`, or is not any more. ISO 8601, UTC; null: neither since this process began. */
  since: string | null;
}

/**
 * Keeps the state in a file that the platform reads: a slice that sleeps need not be woken to be
 * asked. The newest state counts, so what could not be written is not tried again.
 */
export class SaidFile {
  readonly #path: string | null;
  readonly #log: Logger;
  readonly #writing = new Serial();
  #newest = "";

  /** null writes nothing. */
  constructor(path: string | null, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  write(said: Said): void {
    const path = this.#path;
    const text = JSON.stringify(said);
    if (path === null || text === this.#newest) return;
    this.#newest = text;
    void this.#writing.run(async () => {
      if (text !== this.#newest) return;
      try {
        await writeFile(`${path}.new`, text, { mode: 0o600 });
        await rename(`${path}.new`, path);
      } catch (err) {
        this.#newest = "";
        this.#log.warn({ err }, "the state could not be written down");
      }
    });
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    await this.#writing.idle();
  }
}
