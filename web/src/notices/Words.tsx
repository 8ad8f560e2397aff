import type { Part } from "../api/gateway";

/** What the operator has written: text, with the links that the server found in it. */
export function Words({ words }: { words: readonly Part[] }) {
  return words.map(({ text, link }, at) =>
    link?.startsWith("https://") ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text have no other name and never move.
      <a key={at} href={link} target="_blank" rel="noopener noreferrer">
        {text}
      </a>
    ) : (
      text
    ),
  );
}
