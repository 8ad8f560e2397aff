import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { environment } from "./config.js";
import type { TestSchema } from "./postgres.js";

/** The slice as the image runs it: a process of its own. */
export class SliceProcess {
  static readonly #running = new Set<SliceProcess>();
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly log: string[] = [];
  errors = "";
  user = "";
  platform = "";

  private constructor(env: Record<string, string>) {
    this.#child = spawn(process.execPath, ["dist/main.js"], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    SliceProcess.#running.add(this);
    this.#ended = once(this.#child, "close").then(([code]) => {
      SliceProcess.#running.delete(this);
      return code;
    });
    this.#child.stderr?.on("data", (text) => {
      this.errors += text;
    });
  }

  /** Resolves when it listens. */
  static async start(db: Pick<TestSchema, "url" | "schema">, more: Record<string, string> = {}) {
    const slice = new SliceProcess(environment(db, { LOG_LEVEL: "info", ...more }));
    const { stdout } = slice.#child;
    if (!stdout) throw new Error("no standard output");
    await new Promise<void>((resolve, reject) => {
      createInterface(stdout).on("line", (line) => {
        slice.log.push(line);
        const entry = JSON.parse(line);
        if (entry.msg !== "listening") return;
        slice.user = entry.user;
        slice.platform = entry.platform;
        resolve();
      });
      slice.#ended.then((code) => reject(new Error(`ended with ${code}: ${slice.errors}`)));
    });
    return slice;
  }

  /** Runs it with an environment that it must refuse; resolves with its exit code when it has ended. */
  static async refused(env: Record<string, string>): Promise<{ code: number | null; errors: string }> {
    const slice = new SliceProcess(env);
    const code = await slice.#ended;
    return { code, errors: slice.errors };
  }

  /** Bytes that it has read since its start, from files, pipes and sockets. */
  async bytesRead(): Promise<number> {
    const text = await readFile(`/proc/${this.#child.pid}/io`, "utf8");
    return Number(/^rchar: (\d+)$/m.exec(text)?.[1]);
  }

  /** Ends what a failed test left running. */
  static async endAll(): Promise<void> {
    await Promise.all([...SliceProcess.#running].map((slice) => slice.end("SIGKILL")));
  }

  /** Sends a signal and resolves with the exit code, null if the signal ended it. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }
}
