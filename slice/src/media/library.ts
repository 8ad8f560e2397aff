import type { Logger } from "pino";
import type { Media, MediaState, Message } from "../api.js";
import { type Clock, sleep } from "../clock.js";
import { type Engine, MediaGone, NotConnected } from "../engine/engine.js";
import type { Announcer } from "../events.js";
import type { Quota } from "../quota.js";
import type { Database } from "../store/database.js";
import { mediaToFetch, retryOverQuota, setMediaState, storedBytes, storedIds } from "../store/media.js";
import { untilStored } from "../store/retry.js";
import { type MediaFiles, NoSpace, TooLarge } from "./files.js";

interface LibraryDependencies {
  db: Database;
  files: MediaFiles;
  quota: Quota;
  engine: Pick<Engine, "download" | "status">;
  announcer: Announcer;
  clock: Clock;
  log: Logger;
  /** The most that one file may have. */
  maxBytes: number;
}

/** A file that failed this often is given up; the pause between two tries doubles. */
const triesAllowed = 5;

/** What had no room is fetched later if it is not older than this: WhatsApp keeps files for some weeks. */
const retryMs = 14 * 24 * 60 * 60_000;

/** Fetches the files of messages, one at a time, and keeps count of what they take up. */
export class MediaLibrary {
  readonly #deps: LibraryDependencies;
  readonly #stop = new AbortController();
  #working: Promise<void> | null = null;
  #again = false;
  #tries = new Map<string, number>();

  constructor(deps: LibraryDependencies) {
    this.#deps = deps;
  }

  /** Clears up after a crash and counts what is there. Call it before anything else. */
  async load(): Promise<void> {
    const { db, files, quota, log } = this.#deps;
    const removed = await files.sweep(await storedIds(db));
    if (removed > 0) log.info({ removed }, "files that belong to no message were removed");
    quota.setUsed(await storedBytes(db));
  }

  /** Fetches what is to be fetched. Call it whenever there may be something, and when the session is ready. */
  fetch(): void {
    this.#again = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  /** What had no room is fetched again: there may be room now. */
  async retry(): Promise<void> {
    const { db, clock } = this.#deps;
    if ((await retryOverQuota(db, new Date(clock.now() - retryMs))) > 0) this.fetch();
  }

  /** Deletes a message's file to make room; the message stays. */
  async discard(message: Message): Promise<Message | null> {
    await this.#deps.files.remove(message.id);
    const changed = await this.#set(message, "gone", null);
    if (message.media?.state === "stored") this.#deps.quota.add(-(message.media.bytes ?? 0));
    await this.retry();
    return changed;
  }

  /** Stops after nothing: a file under way is fetched from its beginning next time. */
  async stop(): Promise<void> {
    this.#stop.abort(new NotConnected());
    await this.#working;
  }

  async #work(): Promise<void> {
    const { db, clock, engine, log } = this.#deps;
    const signal = this.#stop.signal;
    try {
      while (this.#again) {
        this.#again = false;
        for (;;) {
          const [next] = await untilStored(clock, signal, () => mediaToFetch(db, 1));
          if (!next || engine.status().state !== "ready") break;
          await this.#fetchOne(next);
        }
      }
    } catch (err) {
      if (signal.aborted || err instanceof NotConnected) return;
      log.error({ err }, "files are not fetched until the next one comes in");
    }
  }

  async #fetchOne(message: Message): Promise<void> {
    const { quota, files, maxBytes, engine } = this.#deps;
    const expected = message.media?.bytes ?? 0;
    if (expected > maxBytes) return void (await this.#set(message, "too_large", null));
    if (!quota.hasRoomFor(expected) || !(await files.hasRoom(expected))) {
      return void (await this.#set(message, "over_quota", null));
    }
    try {
      const limit = Math.min(maxBytes, quota.leftBytes);
      const received = await files.receive(await engine.download(message), limit, this.#stop.signal);
      await files.adopt(received, message.id);
      await this.#set(message, "stored", received.bytes);
      quota.add(received.bytes);
    } catch (err) {
      await this.#failed(message, err);
    }
  }

  async #failed(message: Message, err: unknown): Promise<void> {
    const { clock, log, maxBytes, quota } = this.#deps;
    if (this.#stop.signal.aborted || err instanceof NotConnected) throw new NotConnected();
    if (err instanceof MediaGone) return void (await this.#set(message, "gone", null));
    if (err instanceof NoSpace || (err instanceof TooLarge && quota.leftBytes < maxBytes)) {
      return void (await this.#set(message, "over_quota", null));
    }
    if (err instanceof TooLarge) return void (await this.#set(message, "too_large", null));
    const tries = (this.#tries.get(message.id) ?? 0) + 1;
    log.warn({ err, tries }, "a file could not be fetched");
    if (tries >= triesAllowed) {
      this.#tries.delete(message.id);
      return void (await this.#set(message, "gone", null));
    }
    this.#tries.set(message.id, tries);
    await sleep(clock, 1000 * 2 ** tries, this.#stop.signal);
  }

  async #set(message: Message, state: MediaState, bytes: number | null): Promise<Message | null> {
    const { db, clock, announcer } = this.#deps;
    const changed = await untilStored(clock, this.#stop.signal, () =>
      setMediaState(db, message.id, state, bytes),
    );
    if (changed) announcer.announce("message", changed);
    return changed;
  }
}

/** What may be shown in the page itself; anything else is a download. SVG is not: it may hold scripts. */
const shown = /^(image\/(png|jpeg|gif|webp)|video\/(mp4|webm|3gpp)|audio\/(mpeg|ogg|mp4|aac|wav|webm|amr))$/;

/** The content type to answer a file with, and whether a browser may show it. */
export function servedAs(media: Media): { type: string; inline: boolean } {
  const type = media.mimeType.split(";")[0]?.trim().toLowerCase() ?? "";
  return shown.test(type) ? { type, inline: true } : { type: "application/octet-stream", inline: false };
}
