import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import type { Logger } from "pino";
import type { Message, PairingCode, Qr } from "../../api.js";
import { type Clock, sleep } from "../../clock.js";
import type { SimulatedConfig } from "../../config.js";
import { readRecipient, writePhoneNumber } from "../../phone.js";
import { Refusal } from "../../refusal.js";
import type { EngineState } from "../../store/engine_state.js";
import { untilStored } from "../../store/retry.js";
import type { Use } from "../../use.js";
import { type Engine, type EngineSink, type EngineStatus, MediaGone, NotConnected } from "../engine.js";
import type { Incoming, Phone } from "../phone.js";
import { Pulse, type PulseConfig } from "../pulse.js";
import { Arrivals } from "./arrivals.js";
import { Correspondents, type Outstanding } from "./correspondents.js";
import { contentPieces, simulatedFile } from "./files.js";
import { Keepalive } from "./keepalive.js";
import { newCode } from "./pairing.js";
import { ownNumber, peopleOf } from "./people.js";
import { fingerprint } from "./random.js";
import { syncPhone } from "./sync.js";
import { together, untilAborted } from "./together.js";

/** What the simulated phone needs from the slice around it. */
export interface SimulatedDependencies {
  sliceId: number;
  config: SimulatedConfig;
  clock: Clock;
  sink: EngineSink;
  memory: Pick<EngineState, "get" | "set" | "remove">;
  outstanding: Outstanding;
  use: Use;
  pulse: PulseConfig;
  log: Logger;
}

interface Link {
  phoneNumber: string;
  /** Milliseconds since 1970: the history is as old as the link. */
  linkedAt: number;
  synced: boolean;
}

const startMs = 400;
const reconnectMs = 300;

/** How long a browser takes to be replaced. */
const replaceMs = 2_000;

/** A WhatsApp session without WhatsApp: everything a real one does, towards people who do not exist. */
export class SimulatedEngine implements Engine, Phone {
  readonly name = "simulated";
  readonly standIn = true;
  readonly arrivals: Arrivals;
  readonly #deps: SimulatedDependencies;
  readonly #correspondents: Correspondents;
  readonly #keepalive: Keepalive;
  readonly #pulse: Pulse;
  readonly #asking = new AbortController();
  #status: Omit<EngineStatus, "phoneNumber"> = { state: "starting", reason: null, lastEventAt: null };
  #qr: Qr | null = null;
  #link: Link | null = null;
  #phase = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #scanning = false;
  #hangs = false;
  #stopped = false;

  constructor(deps: SimulatedDependencies) {
    this.#deps = deps;
    const people = peopleOf(deps.sliceId, deps.config.contacts);
    const heard = () => this.#heard();
    this.arrivals = new Arrivals({ ...deps, people, heard, perMinute: deps.config.messagesPerMinute });
    this.#correspondents = new Correspondents({ ...deps, heard, ownNumber: ownNumber(deps.sliceId) });
    this.#keepalive = new Keepalive({ ...deps, heard, url: deps.config.keepaliveUrl });
    this.#pulse = new Pulse({ ...deps, page: this.#page(), config: deps.pulse });
    this.#pulse.run(this.#asking.signal).catch(() => {}); // it ends by being stopped
  }

  status(): EngineStatus {
    return { ...this.#status, phoneNumber: this.#link?.phoneNumber ?? null };
  }

  probe(): Promise<boolean> {
    return this.#pulse.ask();
  }

  async rest(): Promise<void> {}

  qr(): Qr | null {
    return this.#qr;
  }

  start(): void {
    this.#enter("starting", null, (signal) => this.#takeUp(signal));
  }

  restart(): void {
    if (this.#status.state === "ready") {
      throw new Refusal(409, "WhatsApp is connected already: there is nothing to start over.");
    }
    this.start();
  }

  async send(message: Message, _file: string | null = null): Promise<void> {
    if (this.#status.state !== "ready") throw new NotConnected();
    const { clock } = this.#deps;
    await sleep(clock, this.#correspondents.delay(message.id, "sent"), this.#phase.signal).catch(() => {
      throw new NotConnected();
    });
    this.#heard();
    this.#correspondents.follow({ ...message, ack: "sent" });
  }

  async pairingCode(phoneNumber: string): Promise<PairingCode> {
    if (this.#status.state !== "qr") {
      throw new Refusal(409, "There is nothing to link at the moment. Ask for a code first.");
    }
    const code = fingerprint("pairing", phoneNumber, this.#qr?.code ?? "")
      .slice(0, 8)
      .toUpperCase();
    return { code, phoneNumber, expiresAt: new Date(this.#deps.clock.now() + 180_000).toISOString() };
  }

  async download({ kind, media }: Message): Promise<Readable> {
    if (this.#status.state !== "ready") throw new NotConnected();
    if (!media) throw new MediaGone();
    return Readable.from(contentPieces(kind, media.bytes), { objectMode: false });
  }

  async seen(_chatId: string): Promise<void> {}

  snapshotAt(): string | null {
    return null;
  }

  async restore(): Promise<void> {
    throw new Refusal(409, "There is no copy of the session to put back.");
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#asking.abort(new Error("stopped"));
    this.#phase.abort(new Error("stopped"));
    await this.#running;
  }

  /** Scans the code that is shown now. Refuses (409) if none is. */
  async scan(): Promise<void> {
    if (this.#status.state !== "qr" || this.#scanning) {
      throw new Refusal(409, "There is no code to scan at the moment.");
    }
    this.#scanning = true;
    try {
      const { clock, memory, sliceId } = this.#deps;
      const link = { phoneNumber: ownNumber(sliceId), linkedAt: clock.now(), synced: false };
      await memory.set("link", link);
      this.#link = link;
    } finally {
      this.#scanning = false;
    }
    this.#heard();
    this.#enter("authenticated", null, (signal) => this.#linked(signal));
  }

  /** Loses the connection for so many seconds. Refuses (409) unless the state is `ready`. */
  async drop(seconds: number): Promise<void> {
    this.#assertReady();
    this.#enter("disconnected", "connection_lost", async (signal) => {
      await sleep(this.#deps.clock, seconds * 1000, signal);
      await this.#live(signal);
    });
  }

  /** Dies as a page does: nothing goes on, and the state stays until somebody asks. Refuses (409) unless the state is `ready`. */
  hang(): void {
    this.#assertReady();
    this.#hangs = true;
    this.#phase.abort(new Error("the page hangs"));
  }

  /** Unlinks the device, as its owner can do on the phone. Refuses (409) if none is linked. */
  async unlink(): Promise<void> {
    if (!this.#link) throw new Refusal(409, "No phone is linked.");
    await this.#unlink(null);
  }

  logout(): Promise<void> {
    return this.#unlink("data_deleted");
  }

  async #unlink(reason: string | null): Promise<void> {
    await this.#deps.memory.remove("link");
    this.#link = null;
    this.#heard();
    this.#enter("logged_out", reason, async () => {});
  }

  /** Lets one message come in. Refuses (400) what is not a number, (409) unless the state is `ready`. */
  async receive({ from, name, text, file }: Incoming): Promise<Message> {
    const sender = readRecipient(from);
    if (!sender) throw new Refusal(400, "“from” must be a phone number with its country code.");
    this.#assertReady();
    const { clock, sink } = this.#deps;
    const id = `false_${sender.chatId}_3EB0${fingerprint(clock.now(), Math.random()).slice(0, 18)}`;
    const at = new Date(clock.now()).toISOString();
    const message: Message = {
      id,
      chatId: sender.chatId,
      fromMe: false,
      kind: "text",
      text,
      at,
      ack: null,
      media: null,
      ...(file && simulatedFile(file.kind, file.name ?? null, file.bytes)),
      author: null,
    };
    const contact = {
      id: sender.chatId,
      name: name ?? writePhoneNumber(sender.phoneNumber),
      phoneNumber: sender.phoneNumber,
    };
    this.#heard();
    await sink.received({ message, contact });
    return message;
  }

  #assertReady(): void {
    if (this.#status.state !== "ready") {
      throw new Refusal(409, "The simulated phone is not connected. Link it first.");
    }
    if (this.#hangs) throw new Refusal(409, "The simulated page hangs, and takes nothing.");
  }

  async #takeUp(signal: AbortSignal): Promise<void> {
    const { clock, memory } = this.#deps;
    this.#link = await untilStored(clock, signal, () => memory.get<Link>("link"));
    await sleep(clock, startMs, signal);
    if (!this.#link) return this.#pair(signal);
    this.#set("authenticated", null);
    await this.#linked(signal);
  }

  async #pair(signal: AbortSignal): Promise<void> {
    const { clock, config, sink } = this.#deps;
    for (let index = 1; index <= config.qrCodes; index++) {
      const expiresAt = new Date(clock.now() + config.qrSeconds * 1000).toISOString();
      const qr = { code: newCode(), index, of: config.qrCodes, expiresAt };
      this.#qr = qr;
      if (index === 1) this.#set("qr", null);
      sink.qrChanged(qr);
      await sleep(clock, config.qrSeconds * 1000, signal);
    }
    this.#qr = null;
    this.#set("disconnected", "qr_timeout");
  }

  async #linked(signal: AbortSignal): Promise<void> {
    const { clock, memory } = this.#deps;
    const link = this.#link;
    if (!link) throw new Error("there is no link to take up");
    if (link.synced) {
      await sleep(clock, reconnectMs, signal);
    } else {
      await syncPhone({ ...this.#deps, linkedAt: link.linkedAt }, signal);
      const synced = { ...link, synced: true };
      await untilStored(clock, signal, () => memory.set("link", synced));
      signal.throwIfAborted();
      this.#link = synced;
    }
    await this.#live(signal);
  }

  async #live(signal: AbortSignal): Promise<void> {
    this.#heard();
    this.#set("ready", null);
    await together(signal, [
      (signal) => this.arrivals.run(signal),
      (signal) => this.#correspondents.run(signal),
      (signal) => this.#keepalive.run(signal),
    ]);
  }

  /** Ends the phase that runs and begins another, whose state counts at once. */
  #enter(
    state: EngineStatus["state"],
    reason: string | null,
    work: (signal: AbortSignal) => Promise<void>,
  ): void {
    if (this.#stopped) return;
    this.#phase.abort(new Error("superseded"));
    const phase = new AbortController();
    setMaxListeners(0, phase.signal);
    this.#phase = phase;
    this.#qr = null;
    this.#hangs = false;
    this.#set(state, reason);
    this.#running = this.#running
      .then(() => (phase.signal.aborted ? undefined : work(phase.signal)))
      .catch((err) => {
        if (phase.signal.aborted) return;
        this.#deps.log.error({ err }, "the simulated phone failed");
        this.#set("failed", "engine_error");
      });
  }

  /** The page that a real session would have. */
  #page() {
    return {
      there: () => {
        const { state, reason } = this.#status;
        return !["starting", "logged_out", "failed"].includes(state) && reason !== "qr_timeout";
      },
      ready: () => this.#status.state === "ready",
      answer: () => (this.#hangs ? untilAborted(this.#asking.signal) : Promise.resolve()),
      doubt: () => {
        if (this.#status.state === "ready") this.#set("disconnected", "page_hung");
      },
      believe: () => {}, // the page that hangs here does not come back
      replace: () =>
        this.#enter("disconnected", "page_hung", async (signal) => {
          await sleep(this.#deps.clock, replaceMs, signal);
          this.#set("starting", null);
          await this.#takeUp(signal);
        }),
    };
  }

  #set(state: EngineStatus["state"], reason: string | null): void {
    this.#status = { ...this.#status, state, reason };
    this.#pulse.wake();
    this.#deps.sink.statusChanged();
  }

  #heard(): void {
    this.#status = { ...this.#status, lastEventAt: new Date(this.#deps.clock.now()).toISOString() };
  }
}
