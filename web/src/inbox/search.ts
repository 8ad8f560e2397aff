import type { Chat } from "../api/slice";

/** Whether a chat is meant by what was typed: part of its name, number or newest message, whatever the accents. */
export function chatMatches(chat: Chat, query: string): boolean {
  const sought = plain(query);
  if (sought === "") return true;
  if (plain(chat.name).includes(sought) || plain(chat.lastMessage?.text ?? "").includes(sought)) return true;
  const digits = query.replace(/\D/g, "");
  return digits !== "" && /^[\d\s+()-]+$/.test(query) && (chat.phoneNumber ?? chat.id).includes(digits);
}

/** Lower case, without accents and outer spaces. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase().trim();
}
