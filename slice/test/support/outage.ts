import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIntoClientConfig } from "pg-connection-string";

/** A Unix socket before the real Postgres, which can go away and come back as Postgres does in a restart. */
export class Outage {
  readonly #directory: string;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  /** The slice's DATABASE_URL, by way of this socket. */
  readonly url: string;
  /** How many connections were made through it. */
  connections = 0;

  private constructor(url: string, directory: string) {
    const { host = "localhost", port = 5432, user, password, database, options } = parseIntoClientConfig(url);
    this.#directory = directory;
    this.#target = host.startsWith("/") ? `${host}/.s.PGSQL.${port}` : `${host}:${port}`;
    const login = [user, password].filter(Boolean).map((part) => encodeURIComponent(String(part)));
    this.url = `postgresql://${login.join(":")}@/${database}?host=${directory}&options=${encodeURIComponent(options ?? "")}`;
  }

  static async before(url: string): Promise<Outage> {
    return new Outage(url, await mkdtemp(join(tmpdir(), "outage-")));
  }

  /** Postgres is there. */
  async end(): Promise<void> {
    const server = createServer((near) => {
      this.connections++;
      const [host, port] = this.#target.split(":");
      const far = this.#target.startsWith("/") ? connect(this.#target) : connect(Number(port), host);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(join(this.#directory, ".s.PGSQL.5432"), resolve));
    this.#server = server;
  }

  /** Postgres is gone: every connection is cut and no new one can be made. */
  async begin(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve) ?? resolve(null));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#server = null;
  }

  async remove(): Promise<void> {
    if (this.#server) await this.begin();
    await rm(this.#directory, { recursive: true });
  }
}
