import type { Contact, Message } from "../../api.js";
import type { NewChat } from "../../store/chats.js";
import { chance, fingerprint } from "./random.js";
import { conversation } from "./words.js";

/** A chat of the time before the phone was linked, its messages oldest first. */
export interface PastChat {
  chat: NewChat;
  messages: Message[];
}

const minute = 60_000;
const day = 24 * 60 * minute;

/**
 * The conversations that a phone brings along, newest first. The same slice linked at the
 * same time has the same ones, so a sync that was cut off can be run again.
 */
export function historyOf(sliceId: number, people: Contact[], linkedAt: number): PastChat[] {
  const draw = chance(sliceId, "history");
  const talkative = people.filter(() => draw.next() < 0.6);
  return talkative.map((person, i) => {
    // The first few are of today; then they reach back over about two months.
    const last =
      linkedAt - Math.round((i + draw.next()) * 7 * minute + (i / talkative.length) ** 2 * 60 * day);
    return pastChat(sliceId, person, last, i);
  });
}

function pastChat(sliceId: number, person: Contact, last: number, index: number): PastChat {
  const draw = chance(sliceId, "chat", person.id);
  const lines = Array.from({ length: 1 + draw.int(3) }, () => conversation(draw)).flat();
  let at = last;
  const messages = lines
    .reverse()
    .map((line, i): Message => {
      const id = `${line.fromMe}_${person.id}_3EB0${fingerprint("history", sliceId, person.id, i).slice(0, 18)}`;
      const message: Message = {
        id,
        chatId: person.id,
        fromMe: line.fromMe,
        kind: "text",
        text: line.text,
        at: new Date(at).toISOString(),
        ack: line.fromMe ? "read" : null,
        media: null,
        author: null,
      };
      at -= Math.round((0.5 + draw.next() * 25) * minute) + (draw.int(6) === 0 ? day : 0);
      return message;
    })
    .reverse();
  const firstUnread = messages.findLastIndex((message) => message.fromMe) + 1;
  const unread = index < 12 && draw.int(2) === 0 ? messages.length - firstUnread : 0;
  return { chat: { ...person, unread }, messages };
}
