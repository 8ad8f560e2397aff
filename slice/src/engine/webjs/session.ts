import { join } from "node:path";
import type { Logger } from "pino";
import type { Browser, CDPSession, Page } from "puppeteer";
import wwebjs, { type Message as LibraryMessage } from "whatsapp-web.js";
import type { WaState } from "../../api.js";
import type { WebjsConfig } from "./config.js";
import { chromiumFlags, headlessMode, unwanted } from "./flags.js";
import {
  installHelpers,
  type PageMessage,
  type PageState,
  pageState,
  type StandInSettings,
  sayIfSynced,
  setStandIn,
  watchPasskeys,
  watchSocket,
} from "./page.js";
import { endBrowsers, type Profile } from "./profile.js";

const { Client, LocalAuth } = wwebjs;

/** How one run of Chromium ended, and what comes after it. */
export interface End {
  state: WaState;
  reason: string | null;
  /** `again`: it is started anew by itself. `rest`: somebody has to ask for it. */
  next: "again" | "rest";
  /** The phone has unlinked this device: its profile is worthless. */
  unlinked?: boolean;
}

/** What a session tells while it runs. */
export interface SessionListener {
  code(code: string): void;
  /** WhatsApp has accepted the link, or taken it up. */
  authenticated(): void;
  ready(phoneNumber: string): void;
  /** The page has synchronised anew, mostly because it has loaded itself anew. */
  readyAgain(): void;
  /** The connection is lost and WhatsApp looks for it by itself, or has it back. */
  connection(connected: boolean, reason: string): void;
  passkey(): void;
  message(id: string): void;
  acked(id: string): void;
  /** Anything at all came from WhatsApp. */
  heard(): void;
}

/** The stand-in's name for its page's version. */
const standInVersion = "stand-in";

/** How long a browser gets to close in order. */
const closeWithinMs = 8_000;

/** How long a page that has loaded itself anew may take; after that it is asked at the usual pace. */
const takenUpWithinMs = 60_000;

/** What puppeteer switches on and a linked session has no use for. */
const chatty = ["Network.disable", "Log.disable", "Performance.disable"] as const;

/** LocalAuth, but for one thing: it would delete the profile of a browser that still runs. */
function localAuth(dataPath: string, launched: () => Promise<void>): wwebjs.LocalAuth {
  const auth = new LocalAuth({ dataPath });
  auth.logout = async () => {};
  auth.afterBrowserInitialized = launched;
  return auth;
}

/** One Chromium with WhatsApp Web in it, from its start to its end. */
export class Session {
  readonly #profile: Profile;
  readonly #listener: SessionListener;
  readonly #log: Logger;
  readonly #client: wwebjs.Client;
  readonly #standIn: StandInSettings | null;
  readonly #ended: Promise<End>;
  #end!: (end: End) => void;
  #browser: Browser | null = null;
  #page: Page | null = null;
  #synced = false;
  #ready = false;
  #closing = false;

  constructor(config: WebjsConfig, profile: Profile, listener: SessionListener, log: Logger) {
    this.#profile = profile;
    this.#listener = listener;
    this.#log = log;
    this.#standIn = config.standInPage
      ? {
          codeMs: config.standInQrSeconds * 1000,
          memory: config.standInMemory,
          keepaliveUrl: config.standInKeepaliveUrl,
        }
      : null;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#client = new Client({
      authStrategy: localAuth(config.sessionDir, () => this.#launched()),
      ...(config.standInPage
        ? {
            webVersion: standInVersion,
            webVersionCache: { type: "local", path: config.standInPage, strict: true },
          }
        : { webVersionCache: { type: "none" } }),
      puppeteer: {
        executablePath: config.chromiumPath,
        headless: headlessMode(config.chromiumPath),
        args: chromiumFlags(config),
        ignoreDefaultArgs: unwanted,
        // A pipe is nobody's but ours; a port would be open to every process in the container.
        pipe: true,
        // Who stops the slice stops Chromium in order.
        handleSIGINT: false,
        handleSIGTERM: false,
        handleSIGHUP: false,
        protocolTimeout: 240_000,
        defaultViewport: null,
      },
      authTimeoutMs: config.startTimeoutSeconds * 1000,
      takeoverOnConflict: true,
      takeoverTimeoutMs: 10_000,
      deviceName: config.deviceName,
      userAgent: config.userAgent,
      evalOnNewDoc: watchPasskeys,
    });
    this.#wire();
  }

  /** The page, once there is one. */
  get page(): Page | null {
    return this.#page;
  }

  get client(): wwebjs.Client {
    return this.#client;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Runs until it ends by itself, or the signal is aborted (null). The browser is gone then. */
  async run(signal: AbortSignal): Promise<End | null> {
    const aborted = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null);
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    const began = this.#client
      .initialize()
      .then(() => this.#nudge())
      .catch((err: unknown) => this.fail(err));
    const end = await Promise.race([this.#ended, aborted]);
    await this.#close(began);
    return end;
  }

  /** Ends the session because of an error of the library, the browser or the page. */
  fail(err: unknown): void {
    if (this.#closing) return;
    const text = err instanceof Error ? err.message : String(err);
    this.#log.warn({ err: text }, "the WhatsApp session failed");
    this.#end(endOf(text));
  }

  /** Ends the session as if it had ended by itself. */
  finish(end: End): void {
    this.#end(end);
  }

  #wire(): void {
    const client = this.#client;
    const { heard } = this.#listener;
    client.on("qr", (code: string) => {
      heard();
      this.#watch();
      this.#listener.code(code);
    });
    client.on("loading_screen", heard);
    client.on("authenticated", () => {
      heard();
      this.#synced = true;
      if (!this.#ready) this.#listener.authenticated();
    });
    client.on("auth_failure", () => this.#end({ state: "failed", reason: "auth_failure", next: "rest" }));
    client.on("ready", () => {
      heard();
      this.#becomeReady().catch((err) => this.fail(err));
    });
    client.on("disconnected", (reason: string) => this.#end(disconnectedAs(String(reason))));
    client.on("message_create", (message: LibraryMessage) => {
      heard();
      this.#listener.message(message.id._serialized);
    });
    client.on("message_ack", (message: LibraryMessage) => {
      heard();
      this.#listener.acked(message.id._serialized);
    });
  }

  /** The library waits for the page to say that it has synchronised, even where it has said so before. */
  async #nudge(): Promise<void> {
    if (!this.#synced) await this.#page?.evaluate(sayIfSynced);
  }

  /**
   * Ends what puppeteer has the browser tell and nobody here listens to: every frame of WhatsApp's
   * connection, above all, would wake this process. The page's responses are no longer kept for it either.
   */
  async #quieten(): Promise<void> {
    // The session of puppeteer's own is meant: what another one asks for goes on.
    const own = (this.#page as unknown as { _client(): CDPSession } | null)?._client();
    await Promise.all(chatty.map((domain) => own?.send(domain)));
  }

  async #becomeReady(): Promise<void> {
    this.#watch();
    await this.#page?.evaluate(installHelpers);
    // The library says it again whenever the page has synchronised anew.
    if (this.#ready) return this.#listener.readyAgain();
    await this.#quieten();
    this.#ready = true;
    this.#listener.ready(`+${this.#client.info.wid.user}`);
  }

  /** Called by the library between the start of the browser and the load of the page. */
  async #launched(): Promise<void> {
    const { pupBrowser: browser, pupPage: page } = this.#client;
    if (!browser || !page || this.#page === page) return;
    this.#browser = browser as unknown as Browser;
    this.#page = page as unknown as Page;
    this.#browser.on("disconnected", () => this.#end(crashed));
    // A browser that is killed breaks its pipes, whose errors would end the slice.
    for (const pipe of this.#browser.process()?.stdio ?? []) pipe?.on("error", () => {});
    this.#page.on("error", () => this.#end(crashed));
    // The library looks for this too, but not before it is through with its own start.
    this.#page.on("framenavigated", (frame) => {
      if (frame.url().includes("post_logout=1")) this.#end(disconnectedAs("LOGOUT"));
      else if (this.#ready && frame === this.#page?.mainFrame()) void this.#afterNavigation();
    });
    await this.#page.evaluateOnNewDocument(setStandIn, this.#standIn);
    await this.#page.exposeFunction("slicegateState", (state: string) => this.#socket(state));
    await this.#page.exposeFunction("slicegatePasskey", () => this.#listener.passkey());
  }

  /** A page that has loaded itself anew, as it does for a new version, has nothing of ours in it. */
  async #afterNavigation(): Promise<void> {
    const deadline = Date.now() + takenUpWithinMs;
    while (!this.#closing && Date.now() < deadline) {
      try {
        if ((await this.probe()).whole) return;
        this.#listener.connection(false, "connection_lost");
        await this.#page?.evaluate(sayIfSynced);
      } catch {
        // It is just loading. If that does not end, the next probe of the engine sees it.
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  #watch(): void {
    this.#page?.evaluate(watchSocket).catch((err) => this.fail(err));
  }

  #socket(state: string): void {
    this.#listener.heard();
    const end = disconnectedAs(state);
    if (state === "CONNECTED") this.#listener.connection(true, "");
    else if (state === "PAIRING" && !this.#ready) this.#listener.authenticated();
    else if (this.#ready && ["OPENING", "TIMEOUT", "PAIRING"].includes(state)) {
      this.#listener.connection(false, "connection_lost");
    } else if (this.#ready && state === "CONFLICT") this.#listener.connection(false, "conflict");
    // A page that was never ready has no listener of the library's for these.
    else if (end.state === "restricted" || end.reason === "deprecated_version") this.#end(end);
  }

  /** Asks the page how it is; rejects when it does not answer. */
  async probe(): Promise<PageState> {
    if (!this.#page) throw new Error("there is no page");
    return this.#page.evaluate(pageState);
  }

  /** Collects the page's garbage, and has every process of the browser drop its caches. */
  async rest(): Promise<void> {
    if (!this.#page) return;
    const devtools = await this.#page.createCDPSession();
    try {
      await devtools.send("HeapProfiler.collectGarbage");
      await devtools.send("Memory.simulatePressureNotification", { level: "critical" });
    } finally {
      await devtools.detach();
    }
  }

  /** Asks the page to describe one message. */
  async describe(id: string): Promise<PageMessage | null> {
    if (!this.#page) return null;
    return this.#page.evaluate(
      `window.slicegateFind(${JSON.stringify(id)}).then((m) => m && window.slicegateDescribe(m))`,
    ) as Promise<PageMessage | null>;
  }

  async #close(began: Promise<unknown>): Promise<void> {
    this.#closing = true;
    const browser = this.#browser;
    const gone = browser?.connected
      ? within(closeWithinMs, browser.close()).catch((err) =>
          this.#log.warn({ err }, "Chromium does not close; it is killed"),
        )
      : Promise.resolve();
    await gone;
    // Whatever is left of it, and of a start that was under way.
    const pid = browser?.process()?.pid;
    if (pid !== undefined) killGroup(pid);
    await endBrowsers(this.#profile.dir);
    await within(5_000, began).catch(() => {});
    await endBrowsers(this.#profile.dir);
  }
}

const crashed: End = { state: "disconnected", reason: "browser_crashed", next: "again" };

/** What follows from a reason of the library's event `disconnected`, or a state of the page's connection. */
export function disconnectedAs(reason: string): End {
  switch (reason) {
    case "LOGOUT":
    case "UNPAIRED":
    case "UNPAIRED_IDLE":
      return { state: "logged_out", reason: null, next: "rest", unlinked: true };
    case "TOS_BLOCK":
      return { state: "restricted", reason: "tos_block", next: "rest" };
    case "SMB_TOS_BLOCK":
      return { state: "restricted", reason: "smb_tos_block", next: "rest" };
    case "PROXYBLOCK":
      return { state: "restricted", reason: "proxy_block", next: "rest" };
    case "DEPRECATED_VERSION":
      return { state: "failed", reason: "deprecated_version", next: "rest" };
    case "CONFLICT":
      return { state: "disconnected", reason: "conflict", next: "again" };
  }
  // The page has several names for a ban that ends by itself.
  if (/BAN/.test(reason)) return { state: "restricted", reason: "temporary_ban", next: "rest" };
  return { state: "disconnected", reason: "connection_lost", next: "again" };
}

/** What follows from an error of the library's start. */
function endOf(text: string): End {
  if (/No usable sandbox/.test(text)) return { state: "failed", reason: "no_sandbox", next: "rest" };
  if (/Browser was not found|Couldn't load version/.test(text)) {
    return { state: "failed", reason: "not_installed", next: "rest" };
  }
  if (/auth timeout|ready timeout/.test(text))
    return { state: "disconnected", reason: "no_answer", next: "again" };
  return crashed;
}

/** Whether something that nobody caught came out of the library or the browser, and not out of the slice. */
export function isOfTheLibrary(err: unknown): boolean {
  if (!(err instanceof Error)) return typeof err === "string";
  return (
    /[/\\]node_modules[/\\](whatsapp-web\.js|puppeteer)[/\\]/.test(err.stack ?? "") ||
    /Target closed|Session closed|detached Frame/.test(err.message)
  );
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Rejects when the promise is not settled in time. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where the stand-in's page is. */
export const standInFile = (dir: string) => join(dir, `${standInVersion}.html`);
