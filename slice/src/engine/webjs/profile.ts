import { cp, mkdir, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

/** What Chromium makes anew when it is gone. The link is in IndexedDB, Local Storage and Cookies. */
const caches = [
  "BrowserMetrics",
  "Crash Reports",
  "Crashpad",
  "GraphiteDawnCache",
  "GrShaderCache",
  "ShaderCache",
  "component_crx_cache",
  "Default/Cache",
  "Default/Code Cache",
  "Default/DawnGraphiteCache",
  "Default/DawnWebGPUCache",
  "Default/GPUCache",
  // The page's copy of itself for times without a network, and its worker's script.
  "Default/Service Worker/CacheStorage",
  "Default/Service Worker/ScriptCache",
];

/** The browser's profile on the slice's volume, which is the link to the phone, and its copy. */
export class Profile {
  /** Where the library's LocalAuth puts it. */
  readonly dir: string;
  readonly #copy: string;
  readonly #half: string;
  #snapshotAt: string | null = null;

  constructor(readonly sessionDir: string) {
    this.dir = join(sessionDir, "session");
    this.#copy = join(sessionDir, "snapshot");
    this.#half = join(sessionDir, "snapshot.new");
  }

  snapshotAt(): string | null {
    return this.#snapshotAt;
  }

  /** Ends what an unclean stop has left: a browser of ours that runs on, and its locks on the profile. */
  async makeReady(): Promise<void> {
    await mkdir(this.dir, { recursive: true });
    await endBrowsers(this.dir);
    for (const name of await readdir(this.dir)) {
      if (name.startsWith("Singleton")) await rm(join(this.dir, name), { force: true });
    }
    await rm(this.#half, { recursive: true, force: true });
    this.#snapshotAt = await stat(this.#copy).then(
      ({ mtime }) => mtime.toISOString(),
      () => null,
    );
  }

  /** Removes caches. Only while no browser runs. */
  async prune(): Promise<void> {
    for (const name of caches) await rm(join(this.dir, name), { recursive: true, force: true });
  }

  /** Copies the profile aside; the last copy is kept until this one is whole. Only while no browser runs. */
  async snapshot(now: number): Promise<void> {
    await rm(this.#half, { recursive: true, force: true });
    await cp(this.dir, this.#half, { recursive: true, preserveTimestamps: true, filter: isOfTheLink });
    await utimes(this.#half, new Date(now), new Date(now));
    await rm(this.#copy, { recursive: true, force: true });
    await rename(this.#half, this.#copy);
    this.#snapshotAt = new Date(now).toISOString();
  }

  /** Puts the copy in the profile's place, and keeps the copy. Only while no browser runs. */
  async restore(): Promise<void> {
    const fresh = join(this.sessionDir, "session.new");
    await rm(fresh, { recursive: true, force: true });
    await cp(this.#copy, fresh, { recursive: true, preserveTimestamps: true });
    await rm(this.dir, { recursive: true, force: true });
    await rename(fresh, this.dir);
  }

  /** Deletes the profile; with `all` its copy too. Only while no browser runs. */
  async remove(all: boolean): Promise<void> {
    await rm(this.dir, { recursive: true, force: true, maxRetries: 4 });
    if (!all) return;
    await rm(this.#copy, { recursive: true, force: true });
    await rm(this.#half, { recursive: true, force: true });
    this.#snapshotAt = null;
  }
}

function isOfTheLink(path: string): boolean {
  return !/\/(Singleton[^/]*|lockfile)$/.test(path);
}

/** Kills every browser that works on this profile, and waits until none does. */
export async function endBrowsers(dir: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const found = await browsersOn(dir);
    if (found.length === 0) return;
    for (const pid of found) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("a browser that was left on the profile does not end");
}

/** The processes that name the profile on their command line: the browser itself and its children. */
export async function browsersOn(dir: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    // A browser joins its arguments with spaces; others keep the zero bytes.
    if (text.split(/[\0 ]/).includes(`--user-data-dir=${dir}`)) found.push(pid);
  }
  return found;
}
