import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Chat, Message, Status, WaState } from "../../src/api.js";
import { browsersOn, endBrowsers } from "../../src/engine/webjs/profile.js";
import { ask, EventClient, eventually } from "./client.js";
import type { TestSchema } from "./postgres.js";
import { SliceProcess } from "./process.js";

/** Chromium as root, which these tests run as, has no sandbox; the profile with one is tested in its container. */
const flags =
  "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-extensions --disable-background-networking --no-first-run --disable-component-update --disable-sync";

/** What makes a slice run the real engine on the page that plays WhatsApp Web. */
export function webjsEnvironment(dir: string): Record<string, string> {
  return {
    WA_ENGINE: "webjs",
    STAND_IN_PAGE: join(process.cwd(), "stand-in"),
    SESSION_DIR: dir,
    HOME: dir,
    CHROMIUM_PATH: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
    CHROMIUM_FLAGS: flags,
  };
}

/** A slice with the real engine on the page that plays WhatsApp Web, as a process. */
export class WebjsSlice {
  static readonly #dirs = new Set<string>();
  slice!: SliceProcess;
  events!: EventClient;

  private constructor(
    readonly db: Pick<TestSchema, "url" | "schema">,
    readonly dir: string,
    readonly more: Record<string, string>,
  ) {}

  static async start(
    db: Pick<TestSchema, "url" | "schema">,
    more: Record<string, string> = {},
  ): Promise<WebjsSlice> {
    const webjs = new WebjsSlice(db, await WebjsSlice.profileDir(), more);
    await webjs.run();
    return webjs;
  }

  /** A directory for a session, which `endAll` removes. */
  static async profileDir(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), "slice-session-"));
    WebjsSlice.#dirs.add(dir);
    return dir;
  }

  async run(): Promise<void> {
    this.slice = await SliceProcess.start(this.db, { ...webjsEnvironment(this.dir), ...this.more });
    this.events = new EventClient(this.slice.user);
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    this.events.close();
    return this.slice.end(signal);
  }

  /** Ends what is left, and removes the profiles. */
  static async endAll(): Promise<void> {
    EventClient.closeAll();
    await SliceProcess.endAll();
    for (const dir of WebjsSlice.#dirs) {
      await endBrowsers(join(dir, "session"));
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async browsers(): Promise<number[]> {
    return browsersOn(join(this.dir, "session"));
  }

  async call<Body>(path: string, method = "GET", body?: unknown): Promise<Body> {
    const answer = await ask<Body>(this.slice.user + path, method, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  status(): Promise<Status> {
    return this.call<Status>("/api/status");
  }

  /** Resolves when the state is that one now. */
  async state(wanted: WaState, reason?: string | null): Promise<Status> {
    let last: Status | null = null;
    const holds = async () => {
      last = await this.status();
      return last.state === wanted && (reason === undefined || last.reason === reason);
    };
    await eventually(holds, `state ${wanted} ${reason ?? ""}`, 60_000).catch((err) => {
      throw new Error(
        `${err.message}; it is ${JSON.stringify(last)}\n${this.slice.log.slice(-8).join("\n")}`,
      );
    });
    return this.status();
  }

  async link(): Promise<void> {
    await this.state("qr");
    await this.call("/api/simulated/scan", "POST");
    await this.state("ready");
  }

  receive(text: string, from = "+15550109999", name = "Ada"): Promise<{ id: string }> {
    return this.call("/api/simulated/receive", "POST", { from, name, text });
  }

  async messages(chat = "15550109999@c.us"): Promise<Message[]> {
    const answer = await ask<{ messages: Message[] }>(
      `${this.slice.user}/api/chats/${encodeURIComponent(chat)}/messages?limit=200`,
    );
    return answer.status === 200 ? answer.body.messages : [];
  }

  async chats(): Promise<Chat[]> {
    return (await this.call<{ chats: Chat[] }>("/api/chats")).chats;
  }

  /** Resolves when there is exactly one message with that text, as far as `ack`. */
  async has(text: string, ack: string | null = null): Promise<Message> {
    const found = async () => (await this.messages()).filter((message) => message.text === text);
    await eventually(async () => (await found())[0]?.ack === ack, `“${text}” with ack ${ack}`, 30_000);
    const all = await found();
    if (all.length !== 1) throw new Error(`“${text}” is there ${all.length} times`);
    return all[0] as Message;
  }
}
