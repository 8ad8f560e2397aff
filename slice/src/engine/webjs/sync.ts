import type { Contact, Message } from "../../api.js";
import type { EngineSink } from "../engine.js";
import type { WebjsConfig } from "./config.js";
import { acksOf, newestOfChat } from "./page.js";
import { numberOf, type People } from "./people.js";
import type { Session } from "./session.js";
import { ackOf, isConversation, messageOf } from "./translate.js";

interface SyncDependencies {
  session: Session;
  people: People;
  sink: EngineSink;
  config: Pick<WebjsConfig, "syncMessages" | "syncChats">;
  signal: AbortSignal;
}

/** How many of one chat's messages are looked through for what was missed. */
const missedAtMost = 1_000;

/**
 * How far before the newest known message the search begins, in milliseconds. WhatsApp's times are
 * whole seconds of its own clock, own messages carry the time when they were written, and of two that
 * came together the later one may have been stored alone. What is known already is not stored twice.
 */
const overlapMs = 10 * 60_000;

/** One chat as the page lists it, its id the inbox's. */
interface ListedChat {
  id: string;
  pageId: string;
  name: string;
  unread: number;
  /** Of its newest message, in milliseconds since 1970. */
  newestAt: number;
}

/** Takes over the phone's address book and the newest conversations. May be run again after it was cut off. */
export async function firstSync(deps: SyncDependencies): Promise<void> {
  const { session, sink, people, config, signal } = deps;
  let contacts = 0;
  for (const part of parts(await addressBook(session, people), 200)) {
    signal.throwIfAborted();
    await sink.store({ contacts: part, chats: [], messages: [] });
    contacts += part.length;
    sink.synced({ contacts, chats: 0, done: false });
  }
  const listed = (await chatsOf(session, people)).slice(0, config.syncChats);
  let chats = 0;
  for (const chat of listed) {
    signal.throwIfAborted();
    await sink.store({
      contacts: [contactOf(chat)],
      chats: [{ id: chat.id, name: chat.name, phoneNumber: numberOf(chat.id), unread: chat.unread }],
      messages: await newest(deps, chat, config.syncMessages),
    });
    chats++;
    sink.synced({ contacts, chats, done: false });
  }
  sink.synced({ contacts, chats, done: true });
}

/** Fetches what came in, and how far own messages got, while nobody listened. */
export async function catchUp(deps: SyncDependencies, outstanding: Message[]): Promise<void> {
  const { session, sink, people, signal } = deps;
  const known = await sink.newest();
  for (const chat of await chatsOf(session, people)) {
    signal.throwIfAborted();
    const last = known.get(chat.id);
    const since = last ? Date.parse(last.at) - overlapMs : null;
    if (since !== null && chat.newestAt < since) continue;
    for (const message of await missed(deps, chat, since)) {
      await sink.received({ message, contact: contactOf(chat) });
    }
    await sink.store({
      contacts: [],
      chats: [{ id: chat.id, name: chat.name, phoneNumber: numberOf(chat.id), unread: chat.unread }],
      messages: [],
    });
  }
  const acks = await session.page?.evaluate(
    acksOf,
    outstanding.map((message) => message.id),
  );
  for (const message of outstanding) {
    const ack = ackOf(acks?.[message.id] ?? 0);
    if (ack && ack !== message.ack) await sink.acked(message, ack);
  }
}

/** A chat's messages since a time (milliseconds since 1970; null: all that are looked through), oldest first. */
async function missed(deps: SyncDependencies, chat: ListedChat, since: number | null): Promise<Message[]> {
  for (let limit = 50; ; limit = Math.min(limit * 4, missedAtMost)) {
    const found = await newest(deps, chat, limit);
    const later = found.filter((message) => since === null || Date.parse(message.at) >= since);
    if (later.length < found.length || found.length < limit || limit === missedAtMost) return later;
  }
}

async function newest(
  { session, people }: SyncDependencies,
  chat: ListedChat,
  limit: number,
): Promise<Message[]> {
  const found = (await session.page?.evaluate(newestOfChat, chat.pageId, limit)) ?? [];
  const messages: Message[] = [];
  for (const one of found) {
    const page = await people.canonical(one);
    const message = messageOf(page, page.notifyName);
    if (message) messages.push(message);
  }
  return messages;
}

async function addressBook(session: Session, people: People): Promise<Contact[]> {
  const found = (await session.client.getContacts()).filter((c) => c.isUser && c.isMyContact && !c.isMe);
  const ids = await people.idsOf(found.map((c) => c.id._serialized));
  const contacts = new Map<string, Contact>();
  found.forEach((contact, i) => {
    const id = ids[i] as string;
    const phoneNumber = numberOf(id);
    contacts.set(id, { id, name: contact.name ?? contact.pushname ?? phoneNumber ?? "Unknown", phoneNumber });
  });
  return [...contacts.values()];
}

async function chatsOf(session: Session, people: People): Promise<ListedChat[]> {
  const found = (await session.client.getChats()).filter((chat) => isConversation(chat.id._serialized));
  const ids = await people.idsOf(found.map((chat) => chat.id._serialized));
  return found
    .map((chat, i) => {
      const id = ids[i] as string;
      return {
        id,
        pageId: chat.id._serialized,
        name: chat.name || numberOf(id) || "Unknown",
        unread: Math.max(0, chat.unreadCount ?? 0),
        newestAt: (chat.timestamp ?? 0) * 1000,
      };
    })
    .sort((a, b) => b.newestAt - a.newestAt);
}

const contactOf = ({ id, name }: ListedChat): Contact => ({ id, name, phoneNumber: numberOf(id) });

function* parts<T>(list: T[], size: number): Generator<T[]> {
  for (let i = 0; i < list.length; i += size) yield list.slice(i, i + size);
}
