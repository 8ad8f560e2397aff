import type { Contact } from "../../api.js";
import type { PageMessage } from "./page.js";
import { phoneNumbersOf } from "./page.js";
import type { Session } from "./session.js";

/** Who is who in the page: ids as the inbox has them, and names. One for each session. */
export class People {
  readonly #session: Session;
  // Accounts that hide their number, and what stands for them in the inbox.
  readonly #known = new Map<string, string>();
  readonly #names = new Map<string, string>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** The message with the inbox's ids: chats and writers by their phone number where it is known. */
  async canonical(message: PageMessage): Promise<PageMessage> {
    const [chat, author] = await this.idsOf([message.chat, message.author ?? message.chat]);
    return { ...message, chat: chat as string, author: message.author && (author as string) };
  }

  async idsOf(ids: string[]): Promise<string[]> {
    const unknown = ids.filter((id) => id.endsWith("@lid") && !this.#known.has(id));
    if (unknown.length > 0) {
      const found = (await this.#session.page?.evaluate(phoneNumbersOf, unknown)) ?? {};
      // One that is not known now may be at the next message: it is not remembered.
      for (const [id, number] of Object.entries(found)) this.#known.set(id, number);
    }
    return ids.map((id) => this.#known.get(id) ?? id);
  }

  /** What a person or a group is called: as the phone saved them, else as they call themselves. */
  async nameOf(id: string): Promise<string | null> {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const found = id.endsWith("@g.us")
      ? (await this.#session.client.getChatById(id))?.name
      : await this.#session.client.getContactById(id).then((c) => c.name ?? c.pushname ?? null);
    if (found) this.#names.set(id, found);
    return found ?? null;
  }

  /** The contact of a chat. */
  async contactOf(chatId: string, fallback: string | null): Promise<Contact> {
    const name = (await this.nameOf(chatId).catch(() => null)) ?? fallback;
    const phoneNumber = numberOf(chatId);
    return { id: chatId, name: name ?? phoneNumber ?? "Unknown", phoneNumber };
  }
}

/** The number that an id is made of; null for groups, and for accounts that hide theirs. */
export function numberOf(id: string): string | null {
  return id.endsWith("@c.us") ? `+${id.replace(/@.*/, "")}` : null;
}
