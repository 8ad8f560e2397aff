import type { ShownMessage } from "../workspace/messages";

/** The messages of one local day, in their order. */
export interface Day {
  /** The time of its first message (ISO 8601). */
  at: string;
  messages: ShownMessage[];
}

/** Splits messages, oldest first, where the local day changes. */
export function byDay(messages: readonly ShownMessage[]): Day[] {
  const days: Day[] = [];
  let key = "";
  for (const message of messages) {
    const next = new Date(message.at).toDateString();
    const day = days.at(-1);
    if (day && next === key) day.messages.push(message);
    else days.push({ at: message.at, messages: [message] });
    key = next;
  }
  return days;
}
