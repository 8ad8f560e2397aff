import type { Ack, Message } from "../api/slice";

/** A message as the conversation shows it. */
export interface ShownMessage extends Message {
  /** True while our own request is on its way and the message has no id of the slice yet. */
  sending?: boolean;
  /** The Idempotency-Key of the request: sending again repeats that request. */
  key?: string;
  /** The file that is being sent. */
  file?: File;
  /** How much of it is on its way, from 0 to 1. */
  progress?: number;
  /** Why it could not be sent; set only together with ack `failed`. */
  problem?: string;
}

const progress: Record<Ack, number> = { pending: 0, sent: 1, failed: 2, delivered: 3, read: 4 };

/** The later of two acks: events and answers may overtake each other. */
export function laterAck(a: Ack | null, b: Ack | null): Ack | null {
  if (a === null || b === null) return a ?? b;
  return progress[a] >= progress[b] ? a : b;
}

/** Oldest first; messages of the same moment by id. */
export function byTime(a: Message, b: Message): number {
  const difference = Date.parse(a.at) - Date.parse(b.at);
  if (difference !== 0) return difference;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Joins two sets of messages: each id once, acks never going back, in order. */
export function merge(known: readonly ShownMessage[], incoming: readonly ShownMessage[]): ShownMessage[] {
  const byId = new Map<string, ShownMessage>(known.map((message) => [message.id, message]));
  for (const message of incoming) {
    const before = byId.get(message.id);
    byId.set(message.id, before ? { ...message, ack: laterAck(before.ack, message.ack) } : message);
  }
  return [...byId.values()].sort(byTime);
}

/**
 * Adds a message that came by an event. Our own may arrive before the answer to
 * the request that sent it: then it takes the place of the one still sending.
 */
export function receive(known: readonly ShownMessage[], message: Message): ShownMessage[] {
  const isNew = !known.some(({ id }) => id === message.id);
  const own =
    isNew && message.fromMe
      ? known.find(
          (candidate) =>
            candidate.sending && candidate.text === message.text && candidate.kind === message.kind,
        )
      : undefined;
  return merge(own ? known.filter((candidate) => candidate !== own) : known, [message]);
}

/** Replaces the message that was sending by the one the slice accepted. */
export function accepted(known: readonly ShownMessage[], localId: string, message: Message): ShownMessage[] {
  return merge(
    known.filter(({ id }) => id !== localId),
    [message],
  );
}
