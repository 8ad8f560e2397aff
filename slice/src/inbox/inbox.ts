import { randomBytes } from "node:crypto";
import type { Ack, Chat, Contact, Media, Message, MessagePage } from "../api.js";
import type { Clock } from "../clock.js";
import type { MessageKey, Received, SyncBatch } from "../engine/engine.js";
import type { Announcer } from "../events.js";
import { readRecipient, writePhoneNumber } from "../phone.js";
import { Refusal } from "../refusal.js";
import { Serial } from "../serial.js";
import {
  addChats,
  clearUnread,
  findChat,
  listChats,
  saveChats,
  touchChat,
  touchChats,
} from "../store/chats.js";
import { addContact, findContact, listContacts, saveContacts } from "../store/contacts.js";
import type { Database, Queryable } from "../store/database.js";
import {
  addMessages,
  advanceAck,
  findMessage,
  hasMessage,
  messageOfRequest,
  pageOfMessages,
  pendingMessages,
} from "../store/messages.js";
import { afterOthers, apart } from "./moments.js";

/** A file that is to be sent: on disk, and not yet a message's. */
export interface DraftFile {
  kind: Message["kind"];
  media: Media;
  /** Makes it the file of the message with that id. */
  adopt(messageId: string): Promise<void>;
}

/** What is to be written. */
export interface Draft {
  /** A chat id, or a phone number. */
  to: string;
  text: string;
  /** What a person met here is called; by the number if it is not given. */
  name?: string | undefined;
  /** The request's Idempotency-Key. */
  key?: string | null;
  file?: DraftFile | null;
}

/** A stored message, and whether this was what stored it. */
export interface Composed {
  message: Message;
  isNew: boolean;
}

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

  /** Refuses (404) what is not there. */
  async message(id: string): Promise<Message> {
    const message = await findMessage(this.#db, id);
    if (!message) throw new Refusal(404, "There is no such message. Load the chat anew.");
    return message;
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
   * What was stored under the same key before is answered again, and nothing is stored. Refuses
   * (400) a receiver that is none, (409) a key that was used for another message.
   */
  compose({ to, text, name, key = null, file = null }: Draft): Promise<Composed> {
    return this.#changes.run(async () => {
      const before = key === null ? null : await messageOfRequest(this.#db, key);
      const known = to.includes("@") ? await findChat(this.#db, to) : null;
      const recipient = readRecipient(to);
      const chatId = known?.id ?? recipient?.chatId;
      if (!chatId) throw noSuchRecipient();
      if (before) {
        const same =
          before.chatId === chatId && before.text === text && before.media?.bytes === file?.media.bytes;
        if (!same) throw keyUsedTwice();
        return { message: before, isNew: false };
      }
      const message = this.#newMessage(chatId, text, file);
      await file?.adopt(message.id);
      const { contact, chat } = await this.#db.transaction(async (tx) => {
        const contact = recipient
          ? await ensurePerson(tx, {
              id: chatId,
              name: name ?? writePhoneNumber(recipient.phoneNumber),
              phoneNumber: recipient.phoneNumber,
            })
          : null;
        await addMessages(tx, [message], key);
        await touchChat(tx, chatId, message.at, 0);
        return { contact, chat: await findChat(tx, chatId) };
      });
      this.#announceMessage(message, contact, chat);
      return { message, isNew: true };
    });
  }

  /** Stores what a sync brought. Nothing of it is announced: the progress of the sync is. */
  store(batch: SyncBatch): Promise<void> {
    return this.#changes.run(() =>
      this.#db.transaction(async (tx) => {
        await saveContacts(tx, batch.contacts);
        await saveChats(tx, batch.chats);
        const messages = apart(batch.messages);
        await addMessages(tx, messages);
        await touchChats(tx, messages);
      }),
    );
  }

  /** Stores a received message once. `again` announces it even if it was stored already. */
  receive({ message, contact }: Received, again: boolean): Promise<void> {
    return this.#changes.run(async () => {
      const { stored, added, chat, isNew } = await this.#db.transaction(async (tx) => {
        const added = await ensurePerson(tx, contact);
        const before = await findMessage(tx, message.id);
        const stored = before ?? (await afterOthers(tx, message));
        const isNew = before === null;
        if (isNew) {
          await addMessages(tx, [stored]);
          await touchChat(tx, stored.chatId, stored.at, stored.fromMe ? 0 : 1);
          // Who writes on the phone has read what was there.
          if (stored.fromMe) await clearUnread(tx, stored.chatId);
        }
        return { stored, added, isNew, chat: await findChat(tx, stored.chatId) };
      });
      if (isNew || again) this.#announceMessage(stored, added, chat);
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

  #newMessage(chatId: string, text: string, file: DraftFile | null): Message {
    // Two messages within one millisecond keep the order in which they were written.
    this.#lastSentAt = Math.max(this.#clock.now(), this.#lastSentAt + 1);
    return {
      id: `true_${chatId}_3EB0${randomBytes(9).toString("hex").toUpperCase()}`,
      chatId,
      fromMe: true,
      kind: file?.kind ?? "text",
      text,
      at: new Date(this.#lastSentAt).toISOString(),
      ack: "pending",
      media: file?.media ?? null,
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

function keyUsedTwice(): Refusal {
  return new Refusal(409, "This Idempotency-Key was used for another message. Use a new one.");
}

function noSuchRecipient(): Refusal {
  return new Refusal(
    400,
    "“to” must be a chat of yours or a phone number with its country code, such as +1 555 010 0001.",
  );
}
