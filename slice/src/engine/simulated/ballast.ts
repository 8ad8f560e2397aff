import { randomFillSync } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { Serial } from "../../serial.js";

const chunkBytes = 1 << 20;
const pageBytes = 4096;

/** Memory that is held and touched, as a browser would, so that reclaim has something to push out. */
export class Ballast {
  readonly #changes = new Serial();
  #chunks: Buffer[] = [];

  /** Holds that much, in whole mebibytes rounded up. Resolves with the bytes held once all are touched. */
  hold(bytes: number): Promise<number> {
    return this.#changes.run(async () => {
      const count = Math.ceil(bytes / chunkBytes);
      this.#chunks.length = Math.min(this.#chunks.length, count);
      while (this.#chunks.length < count) {
        this.#chunks.push(browserLike());
        await setImmediate();
      }
      return this.#chunks.length * chunkBytes;
    });
  }
}

/** A third of every page is noise: a browser's memory compresses to about that. */
function browserLike(): Buffer {
  const chunk = Buffer.alloc(chunkBytes, "slice ");
  for (let page = 0; page < chunkBytes; page += pageBytes)
    randomFillSync(chunk, page, Math.floor(pageBytes / 3));
  return chunk;
}
