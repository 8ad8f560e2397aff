import type { SliceEvents } from "../api/slice";

/** One event of the stream with its name, so that a switch over `name` knows the type of `data`. */
export type StreamEvent = {
  [Name in keyof SliceEvents]: { name: Name; data: SliceEvents[Name] };
}[keyof SliceEvents];

// A record and not a list, so that a name missing here does not compile.
const known: Record<keyof SliceEvents, true> = {
  status: true,
  qr: true,
  sync: true,
  message: true,
  message_ack: true,
  contact: true,
  chat: true,
};

/** The names of the events that the stream carries. */
export const eventNames = Object.keys(known) as (keyof SliceEvents)[];

/** Reads the data of one server-sent event; null when it is no JSON object. */
export function parseEvent(name: keyof SliceEvents, data: string): StreamEvent | null {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? ({ name, data: value } as StreamEvent) : null;
  } catch {
    return null;
  }
}
