import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { Logger } from "pino";
import { type Clock, sleep } from "../../clock.js";
import { untilAborted } from "./together.js";

interface KeepaliveDependencies {
  clock: Clock;
  heard: () => void;
  log: Logger;
  /** `tcp://host:port`; null sends none. */
  url: string | null;
}

const bytes = 80;
const everyMs = { min: 20_000, max: 30_000 };
const reconnectMs = 5_000;

/** One long connection that says a few bytes now and then, so that an idle slice sounds like a real one. */
export class Keepalive {
  readonly #deps: KeepaliveDependencies;

  constructor(deps: KeepaliveDependencies) {
    this.#deps = deps;
  }

  /** Keeps the connection until the signal is aborted. Without a URL it is done at once. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#deps.url === null) return;
    const { hostname, port } = new URL(this.#deps.url);
    for (;;) {
      await this.#connection(hostname, Number(port), signal).catch((err) => {
        if (!signal.aborted) this.#deps.log.info({ err }, "the keepalive connection was lost");
      });
      await sleep(this.#deps.clock, reconnectMs, signal);
    }
  }

  async #connection(host: string, port: number, signal: AbortSignal): Promise<void> {
    const socket = connect({ host, port });
    const lost = new AbortController();
    socket.on("error", (err) => lost.abort(err));
    socket.on("close", () => lost.abort(new Error("closed by the other side")));
    socket.on("data", this.#deps.heard);
    const either = AbortSignal.any([signal, lost.signal]);
    let cancel = () => {};
    // What runs in a sleeping slice runs in few pages: the same bytes, and a timer that sets the next.
    const said = randomBytes(bytes);
    const say = () => {
      socket.write(said);
      cancel = this.#deps.clock.timer(everyMs.min + Math.random() * (everyMs.max - everyMs.min), say);
    };
    try {
      await once(socket, "connect", { signal: either });
      say();
      await untilAborted(either);
    } finally {
      cancel();
      socket.destroy();
    }
  }
}
