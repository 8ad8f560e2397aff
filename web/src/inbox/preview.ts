import type { Message, MessageKind } from "../api/slice";

const words: Record<MessageKind, string> = {
  text: "Message",
  image: "Photo",
  video: "Video",
  audio: "Audio",
  voice: "Voice message",
  document: "File",
  sticker: "Sticker",
  other: "Message",
};

/** What a kind of message is called. */
export const kindWords = (kind: MessageKind): string => words[kind];

/** A message in one line: what was written, else what it is. */
export function previewOf({ kind, text, media }: Pick<Message, "kind" | "text" | "media">): string {
  return text || media?.fileName || words[kind];
}
