import type { Readable } from "node:stream";
import type { Message, PairingCode, Qr } from "../../api.js";
import { sleep } from "../../clock.js";
import { Refusal } from "../../refusal.js";
import { Serial } from "../../serial.js";
import { untilStored } from "../../store/retry.js";
import type { EngineDependencies } from "../create.js";
import { type Engine, type EngineStatus, NotConnected } from "../engine.js";
import { Pulse } from "../pulse.js";
import type { WebjsConfig } from "./config.js";
import { People } from "./people.js";
import { Profile } from "./profile.js";
import { type Outgoing, sendMessage } from "./send.js";
import { type End, isOfTheLibrary, Session, type SessionListener, within } from "./session.js";
import { catchUp, firstSync } from "./sync.js";
import { download } from "./transfer.js";
import { ackOf, idOf, isConversation, messageOf } from "./translate.js";
import { asked, planned, watch } from "./watch.js";

/** What outlives a restart: which phone is linked, and whether its conversations are here. */
interface Link {
  phoneNumber: string;
  linkedAt: number;
  synced: boolean;
}

/** Chromium that crashes is started again after 2, 4, 8 ... at most 60 s; this many in this time are too many. */
const crashesAllowed = 5;
const crashMemoryMs = 10 * 60_000;

const pairingCodeMs = 3 * 60_000;

/** WhatsApp Web shows its first code for a minute, and each further one for 20 s. */
const firstCodeMs = 60_000;
const nextCodeMs = 20_000;

const copyEveryMs = 20 * 60 * 60_000;

/** WhatsApp Web in a Chromium of the slice's own, kept alive. */
export class WebjsEngine implements Engine {
  readonly name = "webjs";
  readonly standIn: boolean;
  readonly #deps: EngineDependencies;
  readonly #config: WebjsConfig;
  readonly #profile: Profile;
  // One message at a time is on its way to WhatsApp, and one file on its way from it.
  readonly #sending = new Serial();
  readonly #fetching = new Serial();
  // What WhatsApp told is stored in the order in which it was told.
  readonly #incoming = new Serial();
  readonly #crashes: number[] = [];
  #status: EngineStatus = { state: "starting", reason: null, phoneNumber: null, lastEventAt: null };
  #qr: Qr | null = null;
  #link: Link | null = null;
  #session: Session | null = null;
  #people: People | null = null;
  #pulse: Pulse | null = null;
  #phase = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: EngineDependencies) {
    this.#deps = deps;
    this.#config = deps.config.webjs;
    this.#profile = new Profile(this.#config.sessionDir);
    this.standIn = this.#config.standInPage !== null;
  }

  status(): EngineStatus {
    return this.#status;
  }

  async probe(): Promise<boolean> {
    return (await this.#pulse?.ask()) ?? false;
  }

  async rest(): Promise<void> {
    await this.#session?.rest();
  }

  qr(): Qr | null {
    return this.#qr;
  }

  /** The session that runs, for what plays the phone of the stand-in. */
  get session(): Session | null {
    return this.#session;
  }

  start(): void {
    this.#enter(async () => {});
  }

  restart(): void {
    if (this.#status.state === "ready") {
      throw new Refusal(409, "WhatsApp is connected already: there is nothing to start over.");
    }
    this.#crashes.length = 0;
    const lost = this.#status.state === "logged_out";
    this.#enter(async () => {
      if (lost) await this.#forget(false);
    });
  }

  async pairingCode(phoneNumber: string): Promise<PairingCode> {
    const client = this.#session?.client;
    if (this.#status.state !== "qr" || !client) {
      throw new Refusal(409, "There is nothing to link at the moment. Ask for a code first.");
    }
    try {
      const code = await within(60_000, client.requestPairingCode(phoneNumber.replace(/\D/g, "")));
      const expiresAt = new Date(this.#deps.clock.now() + pairingCodeMs).toISOString();
      return { code, phoneNumber, expiresAt };
    } catch (err) {
      this.#deps.log.warn({ err: String(err) }, "WhatsApp gave no pairing code");
      throw new Refusal(
        400,
        "WhatsApp gives no code for this number. Check the number, or scan the picture instead.",
      );
    }
  }

  send(message: Message, file: string | null): Promise<void> {
    return this.#sending.run(async () => {
      const session = this.#connected();
      const outgoing: Outgoing = { message, file, signal: this.#phase.signal, clock: this.#deps.clock };
      await sendMessage(session, outgoing);
      this.#heard();
    });
  }

  download(message: Message): Promise<Readable> {
    return new Promise((resolve, reject) => {
      // The next one waits until this stream has ended.
      this.#fetching
        .run(
          () =>
            new Promise<void>((release) => {
              try {
                const page = this.#connected().page;
                if (!page) throw new NotConnected();
                download(page, message.id, release).then(resolve, (err) => {
                  release();
                  reject(this.#status.state === "ready" ? err : new NotConnected());
                });
              } catch (err) {
                release();
                reject(err);
              }
            }),
        )
        .catch(reject);
    });
  }

  async seen(chatId: string): Promise<void> {
    if (this.#status.state !== "ready") return;
    await within(10_000, this.#connected().client.sendSeen(chatId));
  }

  async logout(): Promise<void> {
    const session = this.#session;
    if (session?.ready) {
      // Tells WhatsApp; what it does not hear in time it will notice when the link is unused.
      await within(
        10_000,
        session.page?.evaluate("window.require('WAWebSocketModel').Socket.logout()") ?? Promise.resolve(),
      ).catch((err) => this.#deps.log.warn({ err: String(err) }, "WhatsApp did not confirm the logout"));
    }
    this.#phase.abort(new Error("logged out"));
    await this.#running;
    await this.#forget(true);
    this.#set("logged_out", "data_deleted");
  }

  snapshotAt(): string | null {
    return this.#profile.snapshotAt();
  }

  async restore(): Promise<void> {
    if (this.#profile.snapshotAt() === null)
      throw new Refusal(409, "There is no copy of the session to put back.");
    if (this.#status.state === "ready") {
      throw new Refusal(409, "WhatsApp is connected: an older copy of the session would break that.");
    }
    this.#enter(() => this.#profile.restore());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#phase.abort(new Error("stopped"));
    await this.#running;
  }

  /** Whether a failure that nobody caught is the library's; the session is then begun anew. */
  blame(err: unknown): boolean {
    if (!isOfTheLibrary(err)) return false;
    this.#session?.fail(err);
    return true;
  }

  /** Ends the browser that runs, does `first` while none does, and begins again. */
  #enter(first: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#phase.abort(new Error("superseded"));
    const phase = new AbortController();
    this.#phase = phase;
    this.#qr = null;
    this.#set("starting", null);
    this.#running = this.#running
      .then(async () => {
        if (phase.signal.aborted) return;
        await first();
        await this.#live(phase.signal);
      })
      .catch((err) => {
        if (phase.signal.aborted) return;
        this.#deps.log.error({ err }, "the WhatsApp engine failed");
        this.#set("failed", "engine_error");
      });
  }

  /** Runs one browser after the other until one rests or the signal is aborted. */
  async #live(signal: AbortSignal): Promise<void> {
    const { clock, memory } = this.#deps;
    this.#link = await untilStored(clock, signal, () => memory.get<Link>("link"));
    this.#status = { ...this.#status, phoneNumber: this.#link?.phoneNumber ?? null };
    for (;;) {
      await this.#profile.makeReady();
      const { end, wasReady } = await this.#runOnce(signal);
      await this.#afterwards(wasReady, end);
      if (end === null) return;
      if (end.unlinked) await this.#forget(false);
      this.#qr = null;
      if (end.next === "rest") return this.#set(end.state, end.reason);
      const pause = this.#pauseAfter(end);
      if (pause === null) return this.#set("failed", "browser_keeps_crashing");
      this.#set(end.state, end.reason);
      await sleep(clock, pause, signal);
      this.#set("starting", null);
    }
  }

  async #runOnce(signal: AbortSignal): Promise<{ end: End | null; wasReady: boolean }> {
    const over = new AbortController();
    const listener = this.#listener(over.signal);
    const session = new Session(this.#config, this.#profile, listener, this.#deps.log);
    this.#session = session;
    this.#people = new People(session);
    const { clock, log, use } = this.#deps;
    const page = asked(
      session,
      over.signal,
      () => this.#status,
      () => this.#set("disconnected", "page_hung"),
      () => this.#reconnected(over.signal),
    );
    const pulse = new Pulse({ page, config: this.#deps.config.pulse, use, clock, log });
    this.#pulse = pulse;
    const watching = watch(
      {
        session,
        profile: this.#profile,
        config: this.#config,
        sliceId: this.#deps.config.sliceId,
        clock,
        log,
        status: () => this.#status,
        pulse,
      },
      over.signal,
    );
    try {
      const end = await session.run(signal);
      return { end, wasReady: session.ready };
    } finally {
      over.abort(new Error("the browser has ended"));
      this.#session = null;
      this.#pulse = null;
      await watching;
      await this.#incoming.idle();
    }
  }

  #listener(over: AbortSignal): SessionListener {
    let index = 0;
    return {
      heard: () => this.#heard(),
      code: (code) => {
        if (this.#link) {
          // The page asks for a phone although there was one: the link is gone, or the profile is.
          this.#session?.finish({ state: "logged_out", reason: "link_lost", next: "rest" });
          return;
        }
        if (this.#status.state === "passkey") return;
        index++;
        if (index > this.#config.qrCodes) {
          this.#session?.finish({ state: "disconnected", reason: "qr_timeout", next: "rest" });
          return;
        }
        const lives = this.#config.standInPage
          ? this.#config.standInQrSeconds * 1000
          : index === 1
            ? firstCodeMs
            : nextCodeMs;
        const expiresAt = new Date(this.#deps.clock.now() + lives).toISOString();
        this.#qr = { code, index, of: this.#config.qrCodes, expiresAt };
        if (this.#status.state !== "qr") this.#set("qr", null);
        this.#deps.sink.qrChanged(this.#qr);
      },
      authenticated: () => {
        this.#qr = null;
        if (this.#status.state !== "ready" && this.#status.state !== "authenticated")
          this.#set("authenticated", null);
      },
      passkey: () => {
        this.#qr = null;
        this.#set("passkey", null);
      },
      ready: (phoneNumber) => {
        this.#background(over, () => this.#becomeReady(phoneNumber, over));
      },
      readyAgain: () => {
        if (this.#status.state === "ready" || this.#status.state === "disconnected") this.#reconnected(over);
      },
      connection: (connected, reason) => {
        if (!connected) return this.#status.state === "ready" ? this.#set("disconnected", reason) : undefined;
        if (this.#status.state === "disconnected" && this.#session?.ready) this.#reconnected(over);
      },
      message: (id) => {
        void this.#incoming.run(() => this.#takeIn(id, over)).catch((err) => this.#lost(err, over));
      },
      acked: (id) => {
        void this.#incoming.run(() => this.#takeAck(id, over)).catch((err) => this.#lost(err, over));
      },
    };
  }

  #reconnected(over: AbortSignal): void {
    this.#set("ready", null);
    this.#background(over, () => this.#catchUp(over));
  }

  async #becomeReady(phoneNumber: string, over: AbortSignal): Promise<void> {
    const { clock, memory } = this.#deps;
    const before = this.#link;
    const link: Link =
      before?.phoneNumber === phoneNumber ? before : { phoneNumber, linkedAt: clock.now(), synced: false };
    await untilStored(clock, over, () => memory.set("link", link));
    this.#link = link;
    this.#status = { ...this.#status, phoneNumber };
    if (!link.synced) {
      this.#set("authenticated", null);
      await firstSync(this.#syncing(over));
      this.#link = { ...link, synced: true };
      await untilStored(clock, over, () => memory.set("link", this.#link));
      over.throwIfAborted();
      this.#set("ready", null);
      return;
    }
    this.#set("ready", null);
    await this.#catchUp(over);
  }

  async #catchUp(over: AbortSignal): Promise<void> {
    const { clock, outstanding } = this.#deps;
    const own = await untilStored(clock, over, () => outstanding(new Date(clock.now())));
    await catchUp(this.#syncing(over), own);
  }

  #syncing(signal: AbortSignal) {
    const { sink } = this.#deps;
    return {
      session: this.#session as Session,
      people: this.#people as People,
      sink,
      config: this.#config,
      signal,
    };
  }

  async #takeIn(id: string, over: AbortSignal): Promise<void> {
    const session = this.#session;
    const people = this.#people;
    if (over.aborted || !session || !people) return;
    const found = await session.describe(id);
    if (!found || !isConversation(found.chat)) return;
    const page = await people.canonical(found);
    const message = messageOf(page, page.notifyName);
    if (!message) return;
    const contact = await people.contactOf(
      page.chat,
      page.fromMe || page.chat.endsWith("@g.us") ? null : page.notifyName,
    );
    await this.#deps.sink.received({ message, contact });
  }

  async #takeAck(id: string, over: AbortSignal): Promise<void> {
    const session = this.#session;
    const people = this.#people;
    if (over.aborted || !session || !people) return;
    const found = await session.describe(id);
    if (!found?.fromMe || !isConversation(found.chat)) return;
    const page = await people.canonical(found);
    const ack = ackOf(page.ack);
    if (ack) await this.#deps.sink.acked({ id: idOf(page), chatId: page.chat }, ack);
  }

  /** A message that could not be taken in is not lost: the next catch-up finds it. */
  #lost(err: unknown, over: AbortSignal): void {
    if (!over.aborted)
      this.#deps.log.warn({ err: String(err) }, "a message was not taken in; it is looked for later");
  }

  #background(over: AbortSignal, work: () => Promise<void>): void {
    work().catch((err) => {
      if (!over.aborted) this.#session?.fail(err);
    });
  }

  /** What is done while no browser runs. */
  async #afterwards(wasReady: boolean, end: End | null): Promise<void> {
    const { clock, log } = this.#deps;
    try {
      await this.#profile.prune();
      const copied = Date.parse(this.#profile.snapshotAt() ?? "1970-01-01");
      const whole = end === null || end === planned;
      if (wasReady && whole && clock.now() - copied > copyEveryMs) await this.#profile.snapshot(clock.now());
    } catch (err) {
      log.warn({ err }, "the session's profile could not be copied aside");
    }
  }

  /** How long to wait before the next start, in milliseconds; null: there were too many. */
  #pauseAfter(end: End): number | null {
    if (end === planned) return 0;
    const now = this.#deps.clock.now();
    this.#crashes.push(now);
    while ((this.#crashes[0] ?? now) < now - crashMemoryMs) this.#crashes.shift();
    const crashes = this.#crashes.length;
    if (crashes > crashesAllowed && end.reason === "browser_crashed") return null;
    return Math.min(60_000, 1000 * 2 ** crashes);
  }

  /** Forgets the link, here and on disk; with `all` its copy too. */
  async #forget(all: boolean): Promise<void> {
    const { clock, memory } = this.#deps;
    await this.#profile.remove(all);
    await untilStored(clock, new AbortController().signal, () => memory.remove("link"));
    this.#link = null;
    this.#status = { ...this.#status, phoneNumber: null };
  }

  #connected(): Session {
    if (this.#status.state !== "ready" || !this.#session?.ready) throw new NotConnected();
    return this.#session;
  }

  #set(state: EngineStatus["state"], reason: string | null): void {
    if (this.#status.state === state && this.#status.reason === reason) return;
    this.#status = { ...this.#status, state, reason };
    this.#pulse?.wake();
    this.#deps.sink.statusChanged();
  }

  #heard(): void {
    this.#status = { ...this.#status, lastEventAt: new Date(this.#deps.clock.now()).toISOString() };
  }
}
