import type { Ack, Message, MessageKind } from "../../api.js";
import type { PageMessage } from "./page.js";

/** WhatsApp's own types of messages that carry something a person wrote or sent. */
const kinds: Record<string, MessageKind> = {
  chat: "text",
  image: "image",
  video: "video",
  audio: "audio",
  ptt: "voice",
  document: "document",
  sticker: "sticker",
};

/** What the kinds that cannot be shown are called. */
const others: Record<string, string> = {
  location: "A location",
  vcard: "A contact card",
  multi_vcard: "Several contact cards",
  poll_creation: "A poll",
  event_creation: "An event",
  list: "A list to choose from",
  buttons_response: "",
  list_response: "",
  template_button_reply: "",
  interactive: "",
  order: "An order",
  payment: "A payment",
  product: "A product",
  groups_v4_invite: "An invitation to a group",
};

/** Chats that are no conversations: status updates and channels. */
export function isConversation(chatId: string): boolean {
  return /@(c\.us|g\.us|lid)$/.test(chatId) && !chatId.startsWith("0@");
}

/**
 * A message of the page as the inbox keeps it; null for what is no message: notices of the
 * system, calls, what is not decrypted yet. Ids of chats must be the inbox's own already.
 */
export function messageOf(page: PageMessage, authorName: string | null): Message | null {
  const known = kinds[page.type];
  if (!known && !(page.type in others)) return null;
  const kind = known ?? "other";
  if (kind !== "text" && kind !== "other" && !page.hasMedia) return null;
  const group = page.chat.endsWith("@g.us");
  return {
    id: idOf(page),
    chatId: page.chat,
    fromMe: page.fromMe,
    kind,
    text: clean(
      kind === "text" ? page.body : page.hasMedia ? page.caption : page.body || (others[page.type] ?? ""),
    ),
    at: new Date(page.t * 1000).toISOString(),
    ack: page.fromMe ? (ackOf(page.ack) ?? "pending") : null,
    media: page.hasMedia
      ? {
          state: "pending",
          mimeType: page.mimetype ?? "application/octet-stream",
          fileName: page.filename,
          bytes: page.size,
        }
      : null,
    author:
      group && !page.fromMe && page.author
        ? { id: page.author, name: authorName ?? page.author.replace(/@.*/, "") }
        : null,
  };
}

/**
 * The inbox's id. The page's own names the writer too where several may have used the same id;
 * for our own messages there is one writer, and we made the id before the page knew of it.
 */
export function idOf(page: PageMessage): string {
  const id = `${page.fromMe}_${page.chat}_${page.idPart}`;
  return page.fromMe || !page.chat.endsWith("@g.us") || !page.author ? id : `${id}_${page.author}`;
}

/** null: not taken by WhatsApp's server yet. */
export function ackOf(ack: number): Exclude<Ack, "pending"> | null {
  if (ack < 0) return "failed";
  if (ack === 0) return null;
  return ack === 1 ? "sent" : ack === 2 ? "delivered" : "read";
}

/** Postgres keeps no zero bytes, and nobody can be shown half a character. */
function clean(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}
