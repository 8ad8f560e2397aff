import { randomBytes } from "node:crypto";
import type { Ack, Chat, Contact, Message, MessagePage } from "../api.js";
import type { Clock } from "../clock.js";
import type { MessageKey, Received, SyncBatch } from "../engine/engine.js";
import type { Announcer } from "../events.js";
import { readRecipient, writePhoneNumber } from "../phone.js";
import { Refusal } from "../refusal.js";
import { Serial } from "../serial.js";
import { addChats, clearUnread, findChat, listChats, touchChat, touchChats } from "../store/chats.js";
import { addContact, findContact, listContacts, saveContacts } from "../store/contacts.js";
import type { Database, Queryable } from "../store/database.js";
import { addMessages, advanceAck, hasMessage, pageOfMessages, pendingMessages } from "../store/messages.js";

/**
 * The stored conversations, and the announcement of every change to them. All methods
 * reject with DatabaseUnavailable when Postgres is not there.
 */
export class Inbox {
  readonly #db: Database;
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  // One change at a time, so that what is announced last is what was committed last.
  readonly #changes = new Serial();
  #lastSentAt = 0;

  constructor(db: Database, announcer: Announcer, clock: Clock) {
    this.#db = db;
    this.#announcer = announcer;
    this.#clock = clock;
  }

  chats(): Promise<Chat[]> {
    return listChats(this.#db);
  }

  contacts(): Promise<Contact[]> {
    return listContacts(this.#db);
  }

  /** One page, ending before the message `before` or at the newest. Refuses (404) what is not there. */
  async messages(chatId: string, before: string | null, limit: number): Promise<MessagePage> {
    const found = await pageOfMessages(this.#db, chatId, before, limit + 1);
    if (found.length === 0) {
      if (!(await findChat(this.#db, chatId))) throw noSuchChat();
      if (before !== null && !(await hasMessage(this.#db, chatId, before))) throw noSuchMessage();
    }
    const more = found.length > limit;
    const messages = more ? found.slice(1) : found;
    return { messages, before: more ? (messages[0]?.id ?? null) : null };
  }

  /** Sets the chat's unread count to 0. */
  markRead(chatId: string): Promise<Chat> {
    return this.#changes.run(async () => {
      const chat = await this.#db.transaction(async (tx) => {
        await clearUnread(tx, chatId);
        return findChat(tx, chatId);
      });
      if (!chat) throw noSuchChat();
      this.#announcer.announce("chat", chat);
      return chat;
    });
  }

  /**
   * Stores a message to be sent, its ack `pending`, with the chat and the contact if they are new.
   * `to` is a chat id or a phone number. A person met here is called `name`, or by the number.
   */
  compose(to: string, text: string, name?: string): Promise<Message> {
    return this.#changes.run(async () => {
      const known = to.includes("@") ? await findChat(this.#db, to) : null;
      const recipient = readRecipient(to);
      const chatId = known?.id ?? recipient?.chatId;
      if (!chatId) throw noSuchRecipient();
      const message = this.#newMessage(chatId, text);
      const { contact, chat } = await this.#db.transaction(async (tx) => {
        const contact = recipient
          ? await ensurePerson(tx, {
              id: chatId,
              name: name ?? writePhoneNumber(recipient.phoneNumber),
              phoneNumber: recipient.phoneNumber,
            })
          : null;
        await addMessages(tx, [message]);
        await touchChat(tx, chatId, message.at, 0);
        return { contact, chat: await findChat(tx, chatId) };
      });
      this.#announceMessage(message, contact, chat);
      return message;
    });
  }

  /** Stores what a sync brought. Nothing of it is announced: the progress of the sync is. */
  store(batch: SyncBatch): Promise<void> {
    return this.#changes.run(() =>
      this.#db.transaction(async (tx) => {
        await saveContacts(tx, batch.contacts);
        await addChats(tx, batch.chats);
        await addMessages(tx, batch.messages);
        await touchChats(tx, batch.messages);
      }),
    );
  }

  /** Stores a received message once. `again` announces it even if it was stored already. */
  receive({ message, contact }: Received, again: boolean): Promise<void> {
    return this.#changes.run(async () => {
      const { added, chat, isNew } = await this.#db.transaction(async (tx) => {
        const added = await ensurePerson(tx, contact);
        const isNew = (await addMessages(tx, [message])) > 0;
        if (isNew) await touchChat(tx, message.chatId, message.at, 1);
        return { added, isNew, chat: await findChat(tx, message.chatId) };
      });
      if (isNew || again) this.#announceMessage(message, added, chat);
    });
  }

  /** Moves an own message on. `again` announces it even if it was as far already. */
  acknowledge({ id, chatId }: MessageKey, ack: Ack, again: boolean): Promise<void> {
    return this.#changes.run(async () => {
      const moved = await advanceAck(this.#db, id, ack);
      if (moved || again) this.#announcer.announce("message_ack", { id, chatId, ack });
    });
  }

  /** Own messages that WhatsApp has not taken yet, oldest first. */
  pending(): Promise<Message[]> {
    return pendingMessages(this.#db);
  }

  /** Resolves when no change is under way. */
  idle(): Promise<void> {
    return this.#changes.idle();
  }

  #newMessage(chatId: string, text: string): Message {
    // Two messages within one millisecond keep the order in which they were written.
    this.#lastSentAt = Math.max(this.#clock.now(), this.#lastSentAt + 1);
    return {
      id: `true_${chatId}_3EB0${randomBytes(9).toString("hex").toUpperCase()}`,
      chatId,
      fromMe: true,
      kind: "text",
      text,
      at: new Date(this.#lastSentAt).toISOString(),
      ack: "pending",
      media: null,
      author: null,
    };
  }

  #announceMessage(message: Message, contact: Contact | null, chat: Chat | null): void {
    if (contact) this.#announcer.announce("contact", contact);
    this.#announcer.announce("message", message);
    if (chat) this.#announcer.announce("chat", chat);
  }
}

/** Adds a person's contact and chat where they are missing. Gives back the contact if it is new. */
async function ensurePerson(tx: Queryable, contact: Contact): Promise<Contact | null> {
  const added = await addContact(tx, contact);
  const name = (await findContact(tx, contact.id))?.name ?? contact.name;
  await addChats(tx, [{ ...contact, name, unread: 0 }]);
  return added;
}

function noSuchChat(): Refusal {
  return new Refusal(404, "There is no such chat. Load the list of chats anew.");
}

function noSuchMessage(): Refusal {
  return new Refusal(404, "This chat has no message with the id given as “before”. Load the chat anew.");
}

function noSuchRecipient(): Refusal {
  return new Refusal(
    400,
    "“to” must be a chat of yours or a phone number with its country code, such as +1 555 010 0001.",
  );
}
