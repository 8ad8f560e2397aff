import type { Message } from "../api.js";
import type { Queryable } from "../store/database.js";
import { newestWithin } from "../store/messages.js";

const second = 1000;

/**
 * WhatsApp's times are whole seconds. Everything here is in order of time, so the order of what
 * came within one second is kept as milliseconds: it is the order in which WhatsApp told it.
 */
export function apart(messages: Message[]): Message[] {
  const taken = new Map<string, number>();
  return messages.map((message) => {
    const at = Date.parse(message.at);
    if (at % second !== 0) return message;
    const last = taken.get(message.chatId) ?? 0;
    const moment = last >= at ? within(at, last + 1) : at;
    taken.set(message.chatId, moment);
    return moment === at ? message : { ...message, at: new Date(moment).toISOString() };
  });
}

/** The same for one message that comes after those that are stored, the person's own among them. */
export async function afterOthers(db: Queryable, message: Message): Promise<Message> {
  const at = Date.parse(message.at);
  if (at % second !== 0) return message;
  const newest = await newestWithin(db, message.chatId, new Date(at), new Date(at + second));
  return newest === null ? message : { ...message, at: new Date(within(at, newest + 1)).toISOString() };
}

/** No message leaves its second, even if it is one of more than a thousand. */
const within = (at: number, moment: number) => Math.min(moment, at + second - 1);
