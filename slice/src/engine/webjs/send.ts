import type { Message } from "../../api.js";
import type { Clock } from "../../clock.js";
import { sleep } from "../../clock.js";
import { NotConnected } from "../engine.js";
import { acksOf, type PageSend, sendUnder } from "./page.js";
import type { Session } from "./session.js";
import { upload } from "./transfer.js";

/** A stored message on its way out. */
export interface Outgoing {
  message: Message;
  /** The path of its file. */
  file: string | null;
  signal: AbortSignal;
  clock: Clock;
}

/** WhatsApp's server answers within a second or two; a file may take longer to get there. */
const takenWithinMs = 60_000;
const fileTakenWithinMs = 5 * 60_000;
const lookEveryMs = 200;

/** Resolves when WhatsApp's server has the message; rejects with NotConnected when it must be tried again. */
export async function sendMessage(
  session: Session,
  { message, file, signal, clock }: Outgoing,
): Promise<void> {
  const page = session.page;
  if (!page) throw new NotConnected();
  const ack = async () => {
    try {
      return (await page.evaluate(acksOf, [message.id]))[message.id] ?? null;
    } catch {
      throw new NotConnected(); // the page is gone, or is being loaded
    }
  };
  // After a crash it may be there, on its way or taken: it is not handed over twice.
  if ((await ack()) === null) {
    if (file) await upload(page, file).catch(() => Promise.reject(new NotConnected()));
    const outcome = await page.evaluate(sendUnder, handOver(message)).catch(() => {
      throw new NotConnected(); // as above: what the page itself says is in its answer
    });
    if (outcome === "not_ours") throw new NotConnected();
    if (outcome === "nobody") throw new Error("WhatsApp knows nobody by this number");
    if (outcome !== "handed_over") throw new Error(outcome.refused);
  }
  const deadline = clock.now() + (file ? fileTakenWithinMs : takenWithinMs);
  for (;;) {
    const now = await ack();
    if (now !== null && now >= 1) return;
    if (now !== null && now < 0) throw new Error("WhatsApp refused the message");
    // It stays in the page's own queue, under its id: the next try finds it there.
    if (clock.now() > deadline) throw new NotConnected();
    await sleep(clock, lookEveryMs, signal).catch(() => {
      throw new NotConnected();
    });
  }
}

function handOver(message: Message): PageSend {
  const { media, kind } = message;
  return {
    chatId: message.chatId,
    idPart: message.id.split("_")[2] as string,
    text: message.text,
    file: media && {
      name: media.fileName ?? "file",
      mimeType: media.mimeType,
      as:
        kind === "voice"
          ? "voice"
          : kind === "image" || kind === "video" || kind === "audio"
            ? "media"
            : "document",
    },
  };
}
