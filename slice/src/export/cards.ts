import type { Contact } from "../api.js";

/** Contacts as vCard 3.0 (RFC 2426), which every address book reads. */
export function* cards(contacts: Contact[]): Generator<string> {
  for (const { id, name, phoneNumber } of contacts) {
    const lines = ["BEGIN:VCARD", "VERSION:3.0", `FN:${escaped(name)}`, `N:${escaped(name)};;;;`];
    if (phoneNumber) lines.push(`TEL;TYPE=CELL:${escaped(phoneNumber)}`);
    lines.push(`UID:${escaped(id)}`, "END:VCARD");
    yield lines.map((line) => `${folded(line)}\r\n`).join("");
  }
}

function escaped(text: string): string {
  return text.replace(/[\\,;]/g, "\\$&").replace(/\r\n|\r|\n/g, "\\n");
}

/** Lines have 75 bytes at most; the next one begins with a space. No character is cut. */
function folded(line: string): string {
  const parts: string[] = [];
  let part = "";
  let bytes = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (bytes + size > 75) {
      parts.push(part);
      part = " ";
      bytes = 1;
    }
    part += character;
    bytes += size;
  }
  return [...parts, part].join("\r\n");
}
