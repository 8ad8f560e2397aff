import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import type { Page } from "puppeteer";
import { MediaGone } from "../engine.js";
import { addPiece, dropFile, heldPiece, holdFile } from "./page.js";

/** Files cross between here and the page in pieces: neither side has a second copy of the whole. */
const pieceBytes = 1 << 20;

/** Gives the page a file, for the message that is sent next. */
export async function upload(page: Page, path: string): Promise<void> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (let first = true; ; first = false) {
      const { bytesRead } = await file.read(buffer, 0, pieceBytes);
      if (bytesRead === 0) return;
      await page.evaluate(addPiece, buffer.toString("base64", 0, bytesRead), first);
    }
  } finally {
    await file.close();
  }
}

/**
 * The file of a message, out of the page. `release` is called when the stream has ended, however
 * it did: the page holds one file at a time. Throws MediaGone.
 */
export async function download(page: Page, id: string, release: () => void): Promise<Readable> {
  let size: number | null;
  try {
    size = await page.evaluate(holdFile, id);
  } catch (err) {
    release();
    throw err;
  }
  if (size === null) {
    release();
    throw new MediaGone();
  }
  const stream = Readable.from(pieces(page, size), { objectMode: false, highWaterMark: pieceBytes });
  return stream.once("close", () => {
    page
      .evaluate(dropFile)
      .catch(() => {}) // a page that is gone holds nothing
      .finally(release);
  });
}

async function* pieces(page: Page, size: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < size; offset += pieceBytes) {
    yield Buffer.from(await page.evaluate(heldPiece, offset, pieceBytes), "base64");
  }
}
