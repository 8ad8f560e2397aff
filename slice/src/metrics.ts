import { Counter, Gauge, Registry } from "prom-client";
import type { WaState } from "./api.js";
import type { Announcer } from "./events.js";

/** What the metrics read at the moment they are asked for. */
export interface Figures {
  state: () => WaState;
  listeners: () => number;
  mediaBlocked: () => boolean;
  mediaQuotaBytes: () => number;
}

/**
 * The slice's figures as Prometheus text. prom-client's default metrics are left out on
 * purpose: they watch the event loop a hundred times a second, and an idle slice must sleep.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly contentType = this.#registry.contentType;

  constructor(figures: Figures, announcer: Announcer) {
    this.#countMessages(announcer);
    this.#gauge("slice_event_listeners", "Socket.IO clients connected now", figures.listeners);
    this.#gauge("slice_media_blocked", "1 while new media is blocked by quota", () =>
      Number(figures.mediaBlocked()),
    );
    this.#gauge(
      "slice_media_quota_bytes",
      "Media storage that belongs to the slice",
      figures.mediaQuotaBytes,
    );
    this.#states(figures.state);
    this.#process();
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #countMessages(announcer: Announcer): void {
    const registers = [this.#registry];
    const received = new Counter({
      name: "slice_messages_received_total",
      help: "Messages received since the backend started",
      registers,
    });
    const sent = new Counter({
      name: "slice_messages_sent_total",
      help: "Messages that WhatsApp took since the backend started",
      registers,
    });
    announcer.listen((name, data) => {
      if (name === "message" && "fromMe" in data && !data.fromMe) received.inc();
      if (name === "message_ack" && "ack" in data && data.ack === "sent") sent.inc();
    });
  }

  #states(state: () => WaState): void {
    new Gauge({
      name: "slice_wa_state",
      help: "1 for the state that the WhatsApp session is in",
      labelNames: ["state"],
      registers: [this.#registry],
      collect() {
        this.reset();
        this.set({ state: state() }, 1);
      },
    });
  }

  #process(): void {
    const cpuSeconds = () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    };
    this.#gauge("process_cpu_seconds_total", "User and system CPU time in seconds", cpuSeconds);
    this.#gauge("process_start_time_seconds", "Start of the process since 1970", () =>
      Math.round(Date.now() / 1000 - process.uptime()),
    );
    const memory = process.memoryUsage;
    this.#gauge("process_resident_memory_bytes", "Resident memory", () => memory.rss());
    this.#gauge("nodejs_heap_size_used_bytes", "JavaScript heap in use", () => memory().heapUsed);
    this.#gauge("nodejs_heap_size_total_bytes", "JavaScript heap reserved", () => memory().heapTotal);
    this.#gauge("nodejs_external_memory_bytes", "Memory held outside the heap", () => memory().external);
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }
}
