/** The address of a chat's page. */
export function chatPath(chatId: string): string {
  return `/chats/${encodeURIComponent(chatId)}`;
}

/** The chat's id from the last part of such an address; as it stands where it was not encoded well. */
export function chatIdOf(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What to call a chat that is not in the list: the number in its id where it has one. */
export function nameOfUnlisted(chatId: string): string {
  const number = /^\d+/.exec(chatId)?.[0];
  return number ? `+${number}` : "Unknown chat";
}
