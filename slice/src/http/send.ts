import type { Message, SendMessage } from "../api.js";
import type { Engine } from "../engine/engine.js";
import type { Inbox } from "../inbox/inbox.js";
import type { Outbox } from "../inbox/outbox.js";
import { Refusal } from "../refusal.js";

interface Sending {
  engine: Engine;
  inbox: Inbox;
  outbox: Outbox;
}

/** WhatsApp's own limit. */
const maxCharacters = 65_536;

/** Stores a message and has it sent. Refuses (400) a text that cannot be sent, (409) while not `ready`. */
export async function sendMessage(
  { engine, inbox, outbox }: Sending,
  { to, text }: SendMessage,
  name?: string,
): Promise<Message> {
  assertSendable(text);
  if (engine.status().state !== "ready") {
    throw new Refusal(409, "WhatsApp is not connected. Connect it first, then send again.");
  }
  const message = await inbox.compose(to, text, name);
  outbox.add(message);
  return message;
}

function assertSendable(text: string): void {
  if (text.trim() === "") throw new Refusal(400, "The message is empty. Write something first.");
  if ([...text].length > maxCharacters) {
    throw new Refusal(400, `The message is too long: ${maxCharacters} characters are the most.`);
  }
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new Refusal(400, "The message holds a character that cannot be sent. Remove it and send again.");
  }
}
