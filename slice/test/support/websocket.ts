import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

const ping = 0x9;
const pong = 0xa;

/** A WebSocket server with one client, as much of one as a page needs that sends keepalives. */
export class WebSocketEnd {
  readonly #server: Server;
  readonly #frames: { kind: number; bytes: number }[] = [];
  #socket: Duplex | null = null;
  #told: () => void = () => {};

  private constructor(server: Server) {
    this.#server = server;
    server.on("upgrade", (request, socket) => {
      const accept = createHash("sha1")
        .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      this.#socket = socket;
      socket.on("error", () => {});
      // Each frame is shorter than what one read gives, and comes alone.
      socket.on("data", ([first = 0, length = 0]: Buffer) => {
        this.#frames.push({ kind: first & 0xf, bytes: length & 0x7f });
        this.#told();
      });
    });
  }

  static async listen(): Promise<WebSocketEnd> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new WebSocketEnd(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The bytes of the first frame that its client sent. */
  async first(): Promise<number> {
    while (!this.#frames[0]) await this.#more();
    return this.#frames[0].bytes;
  }

  /** Sends so many frames of 100 bytes, and resolves when the client has them. */
  async flood(frames: number): Promise<void> {
    for (let i = 0; i < frames; i++) this.#socket?.write(Buffer.from([0x82, 100, ...Buffer.alloc(100)]));
    this.#socket?.write(Buffer.from([0x80 | ping, 0]));
    while (!this.#frames.some(({ kind }) => kind === pong)) await this.#more();
  }

  close(): void {
    this.#socket?.destroy();
    this.#server.close();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#told = resolve;
    });
  }
}
