import { io, type Socket } from "socket.io-client";
import type { SliceEvents } from "../../src/api.js";

type Recorded = { [Name in keyof SliceEvents]: { name: Name; data: SliceEvents[Name] } }[keyof SliceEvents];

const names = ["status", "qr", "sync", "message", "message_ack", "contact", "chat"] as const;

/** A Socket.IO client that remembers everything it was told, in order. */
export class EventClient {
  static readonly #open = new Set<EventClient>();
  readonly events: Recorded[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Set<() => void>();

  constructor(url: string, transports: string[] = ["websocket"]) {
    this.#socket = io(url, { transports, reconnectionDelay: 50, reconnectionDelayMax: 100, forceNew: true });
    EventClient.#open.add(this);
    for (const name of names) {
      this.#socket.on(name, (data) => {
        this.events.push({ name, data } as Recorded);
        for (const wake of this.#waiting) wake();
      });
    }
  }

  /** What came in so far is not looked at any more. */
  forget(): void {
    this.events.length = 0;
  }

  /** What came in under that name. */
  of<Name extends keyof SliceEvents>(name: Name): SliceEvents[Name][] {
    return this.events.filter((event) => event.name === name).map((event) => event.data as SliceEvents[Name]);
  }

  /** Resolves with the first event, past or to come, that is as wanted. */
  async first<Name extends keyof SliceEvents>(
    name: Name,
    wanted: (data: SliceEvents[Name]) => boolean = () => true,
  ): Promise<SliceEvents[Name]> {
    const found = () => this.of(name).find(wanted);
    await this.until(() => found() !== undefined, `an event “${name}”`);
    return found() as SliceEvents[Name];
  }

  /** Resolves when the condition holds; it is looked at after every event. */
  until(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (end: () => void) => {
        clearTimeout(timeout);
        this.#waiting.delete(look);
        end();
      };
      const look = () => {
        if (holds()) finish(resolve);
      };
      const timeout = setTimeout(() => {
        const heard = this.events.map((event) => event.name).join(" ");
        finish(() => reject(new Error(`waited in vain for ${what}; heard: ${heard}`)));
      }, 20_000);
      this.#waiting.add(look);
      look();
    });
  }

  close(): void {
    EventClient.#open.delete(this);
    this.#socket.close();
  }

  /** Closes what a failed test left open. */
  static closeAll(): void {
    for (const client of EventClient.#open) client.close();
  }

  /** Resolves when the server has ended the connection. */
  disconnected(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.connected) this.#socket.once("disconnect", () => resolve());
      else resolve();
    });
  }
}

/** An answer: its status, its headers, and its body read as JSON where it is JSON. */
export interface Answer<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

/** Sends a request with a JSON body, if one is given. */
export async function ask<Body = { error: string }>(
  url: string,
  method = "GET",
  body?: unknown,
): Promise<Answer<Body>> {
  const json: RequestInit = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url, { method, ...(body === undefined ? {} : json) });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Asks again and again until the condition holds. */
export async function eventually(holds: () => Promise<boolean>, what: string, ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
