import type { Storage } from "./api.js";
import type { EngineState } from "./store/engine_state.js";

/** From here on the app warns. */
const warningShare = 0.9;

/** A quota that the platform has set while the slice ran. */
interface QuotaChange {
  bytes: number;
  /** The name of the container that it was set in: one that is made anew is given its quota. */
  container: string;
}

/** What the customer's media may take up, and does. */
export class Quota {
  readonly #memory: Pick<EngineState, "get" | "set">;
  readonly #container: string;
  #quotaBytes: number;
  readonly #levelChanged: () => void;
  #usedBytes = 0;
  #mediaBlocked = false;

  constructor(
    memory: Pick<EngineState, "get" | "set">,
    quotaBytes: number,
    /** The name of the container that was given that quota. */
    container: string,
    levelChanged: () => void,
  ) {
    this.#memory = memory;
    this.#container = container;
    this.#quotaBytes = quotaBytes;
    this.#levelChanged = levelChanged;
  }

  /** Whether the platform has blocked new media, whatever room there is. */
  get mediaBlocked(): boolean {
    return this.#mediaBlocked;
  }

  get storage(): Storage {
    return { usedBytes: this.#usedBytes, quotaBytes: this.#quotaBytes, level: this.#level };
  }

  get leftBytes(): number {
    return this.#mediaBlocked ? 0 : Math.max(0, this.#quotaBytes - this.#usedBytes);
  }

  /** Whether a file of so many bytes, 0 if that is not known, may still be stored. */
  hasRoomFor(bytes: number): boolean {
    return this.leftBytes > 0 && bytes <= this.leftBytes;
  }

  setUsed(bytes: number): void {
    this.#change(() => {
      this.#usedBytes = Math.max(0, bytes);
    });
  }

  /** Counts a file that was stored, or, negative, one that is gone. */
  add(bytes: number): void {
    this.setUsed(this.#usedBytes + bytes);
  }

  /** Reads what was set before the last restart. */
  async load(): Promise<void> {
    const blocked = (await this.#memory.get<boolean>("media_blocked")) ?? false;
    const set = await this.#memory.get<QuotaChange>("media_quota");
    this.#change(() => {
      this.#mediaBlocked = blocked;
      if (set?.container === this.#container) this.#quotaBytes = set.bytes;
    });
  }

  /** Counts from the next file on, and as long as there is this container. */
  async setBytes(bytes: number): Promise<void> {
    await this.#memory.set("media_quota", { bytes, container: this.#container } satisfies QuotaChange);
    this.#quotaBytes = bytes;
    this.#levelChanged();
  }

  /** Counts from the next file on, and after a restart too. */
  async setMediaBlocked(blocked: boolean): Promise<void> {
    await this.#memory.set("media_blocked", blocked);
    this.#change(() => {
      this.#mediaBlocked = blocked;
    });
  }

  get #level(): Storage["level"] {
    if (this.leftBytes === 0) return "full";
    return this.#usedBytes >= this.#quotaBytes * warningShare ? "warning" : "ok";
  }

  #change(change: () => void): void {
    const before = this.#level;
    change();
    if (this.#level !== before) this.#levelChanged();
  }
}
