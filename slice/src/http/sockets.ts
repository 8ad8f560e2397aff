import type { Server as HttpServer } from "node:http";
import { Server, type Socket } from "socket.io";
import type { Qr, SliceEvents, Status } from "../api.js";
import type { Announcer } from "../events.js";
import type { Use } from "../use.js";

type Outgoing = { [Name in keyof SliceEvents]: (data: SliceEvents[Name]) => void };

/** What is announced, sent to every Socket.IO client. They are only listened to for being there. */
export class Sockets {
  readonly #io: Server<Record<string, never>, Outgoing>;
  readonly #silence: () => void;

  constructor(
    http: HttpServer,
    announcer: Announcer,
    use: Use,
    current: () => { status: Status; qr: Qr | null },
  ) {
    this.#io = new Server(http, { serveClient: false, maxHttpBufferSize: 64 << 10 });
    this.#io.on("connection", (socket: Socket<Record<string, never>, Outgoing>) => {
      socket.once("disconnect", use.enter());
      const { status, qr } = current();
      socket.emit("status", status);
      if (qr) socket.emit("qr", qr);
    });
    this.#silence = announcer.listen((name, data) => {
      // The parameters' types belong together by name, which Socket.IO's own typing cannot follow.
      (this.#io.emit as (event: string, data: unknown) => boolean).call(this.#io, name, data);
    });
  }

  /** How many clients listen. */
  count(): number {
    return this.#io.sockets.sockets.size;
  }

  /** Tells every client goodbye. Closing the HTTP server is its owner's. */
  close(): void {
    this.#silence();
    this.#io.disconnectSockets(true);
    this.#io.engine.close();
  }
}
