import { readRecipient } from "../../phone.js";
import { Refusal } from "../../refusal.js";
import type { Incoming, IncomingFile, Phone } from "../phone.js";
import { contentPieces, simulatedFile } from "../simulated/files.js";
import { ownNumber } from "../simulated/people.js";
import type { WebjsEngine } from "./engine.js";

/** What the page can be made to do beside what every pretended phone does, by its own names. */
export const standInCalls = [
  "askForPasskey",
  "collected",
  "hang",
  "hold",
  "litter",
  "receive",
  "reload",
  "sent",
  "state",
];

/** The page's own words for a file. */
function carried({ kind, name, bytes }: IncomingFile): object {
  const type = kind === "voice" ? "ptt" : kind;
  const content = Buffer.concat([...contentPieces(kind, null)]);
  const { mimeType } = simulatedFile(kind, null).media;
  const zeros = bytes !== undefined && bytes > content.length ? bytes : undefined;
  const data = zeros ? "" : content.toString("base64");
  return { type, file: { mimetype: mimeType, name, size: zeros ?? content.length, data, zeros } };
}

/** The phone of the page that plays the part of WhatsApp Web. */
export class StandInPhone implements Phone {
  readonly #engine: WebjsEngine;
  readonly #number: string;

  constructor(engine: WebjsEngine, sliceId: number) {
    this.#engine = engine;
    this.#number = ownNumber(sliceId).slice(1);
  }

  async scan(): Promise<void> {
    if (this.#engine.status().state !== "qr" || !(await this.call("scan", this.#number))) {
      throw new Refusal(409, "There is no code to scan at the moment.");
    }
  }

  async drop(seconds: number): Promise<void> {
    this.#assertReady();
    await this.call("drop", seconds * 1000);
  }

  async unlink(): Promise<void> {
    if (this.#engine.status().phoneNumber === null) throw new Refusal(409, "No phone is linked.");
    this.#assertReady();
    // The page goes away while it answers.
    await this.call("logout").catch(() => {});
  }

  async receive({ from, name, text, file }: Incoming): Promise<{ id: string; chatId: string; text: string }> {
    const sender = readRecipient(from);
    if (!sender) throw new Refusal(400, "“from” must be a phone number with its country code.");
    const sent = file && carried(file);
    const made = (await this.call("receive", { from: sender.chatId, name, text, ...sent })) as {
      key: string;
    };
    return { id: made.key, chatId: sender.chatId, text };
  }

  /** Calls one of the page's own functions. */
  async call(name: string, argument?: unknown): Promise<unknown> {
    const page = this.#engine.session?.page;
    if (!page) throw new Refusal(409, "The page is not there at the moment. Try again in a few seconds.");
    return page.evaluate(`window.StandIn[${JSON.stringify(name)}](${JSON.stringify(argument ?? null)})`);
  }

  #assertReady(): void {
    if (this.#engine.status().state !== "ready") {
      throw new Refusal(409, "The pretended phone is not connected. Link it first.");
    }
  }
}
