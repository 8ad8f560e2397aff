import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/** The file is larger than it may be. */
export class TooLarge extends Error {}

/** The disk, or what of it is for media, is full. */
export class NoSpace extends Error {}

/** A file that is whole and on disk, but not yet anybody's. */
export interface Received {
  path: string;
  bytes: number;
}

/** The files of messages, each named by a hash of its message's id. */
export class MediaFiles {
  constructor(
    readonly dir: string,
    /** What the disk must have free for everything that is not media: the session's profile above all. */
    readonly reserveBytes: number,
  ) {}

  pathOf(messageId: string): string {
    return join(this.dir, createHash("sha256").update(messageId).digest("hex"));
  }

  /** Whether the disk has room for so many bytes. */
  async hasRoom(bytes: number): Promise<boolean> {
    await mkdir(this.dir, { recursive: true });
    const { bavail, bsize } = await statfs(this.dir);
    return bavail * bsize - bytes >= this.reserveBytes;
  }

  /**
   * Writes a stream to the disk, to the end or not at all. Throws TooLarge over `limit` bytes,
   * NoSpace when the disk is full.
   */
  async receive(from: Readable, limit: number, signal: AbortSignal): Promise<Received> {
    const path = join(this.dir, `${randomBytes(12).toString("hex")}.part`);
    let bytes = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _, done) {
        bytes += chunk.length;
        if (bytes > limit) done(new TooLarge());
        else done(null, chunk);
      },
    });
    try {
      await mkdir(this.dir, { recursive: true });
      await pipeline(from, counted, createWriteStream(path, { flags: "wx", mode: 0o600, flush: true }), {
        signal,
      });
      return { path, bytes };
    } catch (err) {
      await rm(path, { force: true });
      const { code } = err as NodeJS.ErrnoException;
      throw code === "ENOSPC" || code === "EDQUOT" ? new NoSpace() : err;
    }
  }

  /** Removes a received file that nobody wants. */
  async drop({ path }: Received): Promise<void> {
    await rm(path, { force: true });
  }

  /** Makes a received file the message's own; a file that was there is replaced. */
  async adopt({ path }: Received, messageId: string): Promise<void> {
    await rename(path, this.pathOf(messageId));
    // A name is on disk when its directory is.
    const dir = await open(this.dir);
    try {
      await dir.sync();
    } finally {
      await dir.close();
    }
  }

  /** null if it is not there. */
  async sizeOf(messageId: string): Promise<number | null> {
    return stat(this.pathOf(messageId)).then(
      ({ size }) => size,
      () => null,
    );
  }

  read(messageId: string, range?: { start: number; end: number }): Readable {
    return createReadStream(this.pathOf(messageId), range);
  }

  async remove(messageId: string): Promise<void> {
    await rm(this.pathOf(messageId), { force: true });
  }

  /** Removes what belongs to no message any more, or to none yet: a crash has left it. */
  async sweep(messageIds: string[]): Promise<number> {
    const known = new Set(messageIds.map((id) => this.pathOf(id)));
    let removed = 0;
    for (const name of await readdir(this.dir).catch(() => [])) {
      const path = join(this.dir, name);
      if (known.has(path)) continue;
      await rm(path, { recursive: true, force: true });
      removed++;
    }
    return removed;
  }
}
