import { pino } from "pino";
import type { Ack, Message, Qr, Sync } from "../../src/api.js";
import type { SimulatedConfig } from "../../src/config.js";
import type { EngineSink, EngineStatus, Received, SyncBatch } from "../../src/engine/engine.js";
import { SimulatedEngine } from "../../src/engine/simulated/engine.js";
import { Use } from "../../src/use.js";
import { ManualClock } from "./clock.js";

/** What a simulated phone keeps between two runs of it. */
export class Memory {
  readonly values = new Map<string, unknown>();
  async get<T>(key: string): Promise<T | null> {
    return (this.values.get(key) as T | undefined) ?? null;
  }
  async set(key: string, value: unknown): Promise<void> {
    this.values.set(key, structuredClone(value));
  }
  async remove(key: string): Promise<void> {
    this.values.delete(key);
  }
}

/** A simulated phone on a clock of the test's, and everything that it told. */
export class Phone implements EngineSink {
  readonly engine: SimulatedEngine;
  readonly use: Use;
  readonly statuses: EngineStatus[] = [];
  readonly qrs: Qr[] = [];
  readonly batches: SyncBatch[] = [];
  readonly syncs: Sync[] = [];
  readonly messages: Received[] = [];
  readonly acks: { id: string; ack: Ack }[] = [];
  outstanding: Message[] = [];
  /** Set it to make the storing of received messages fail. */
  failure: Error | null = null;

  constructor(
    config: Partial<SimulatedConfig> = {},
    readonly clock: ManualClock = new ManualClock(),
    readonly memory: Memory = new Memory(),
  ) {
    this.use = new Use(clock);
    this.engine = new SimulatedEngine({
      sliceId: 7,
      config: {
        qrSeconds: 20,
        qrCodes: 6,
        contacts: 50,
        syncSeconds: 4,
        messagesPerMinute: 0,
        keepaliveUrl: null,
        ...config,
      },
      clock,
      sink: this,
      memory,
      outstanding: async () => this.outstanding,
      use: this.use,
      pulse: { everySeconds: 60, timeoutSeconds: 10 },
      log: pino({ level: "silent" }),
    });
    this.engine.start();
  }

  /** Starts a phone and brings it to `ready`. */
  static async ready(config: Partial<SimulatedConfig> = {}): Promise<Phone> {
    const phone = new Phone(config);
    await phone.clock.advance(1_000);
    await phone.engine.scan();
    await phone.clock.advance(5_000);
    return phone;
  }

  /** The states it went through. */
  get states(): string[] {
    return this.statuses.map(({ state, reason }) => (reason ? `${state}: ${reason}` : state));
  }

  statusChanged(): void {
    this.statuses.push(this.engine.status());
  }
  qrChanged(qr: Qr): void {
    this.qrs.push(qr);
  }
  async store(batch: SyncBatch): Promise<void> {
    this.batches.push(batch);
  }
  synced(progress: Sync): void {
    this.syncs.push(progress);
  }
  async received(received: Received): Promise<void> {
    if (this.failure) throw this.failure;
    this.messages.push(received);
  }
  async newest(): Promise<Map<string, { id: string; at: string }>> {
    return new Map();
  }
  async acked({ id }: { id: string }, ack: Ack): Promise<void> {
    this.acks.push({ id, ack });
  }
}
