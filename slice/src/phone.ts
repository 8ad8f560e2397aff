import { parsePhoneNumberFromString } from "libphonenumber-js/min";

/** A person's chat: WhatsApp makes its id from the number. */
export interface Recipient {
  /** "15550100001@c.us" */
  chatId: string;
  /** "+15550100001" */
  phoneNumber: string;
}

/**
 * Reads a chat id or a phone number in any common writing, with its country code.
 * null if it is neither.
 */
export function readRecipient(to: string): Recipient | null {
  // Copied numbers carry invisible marks of direction, and full-width digits where those are usual.
  const text = to
    .normalize("NFKC")
    .replace(/\p{Cf}/gu, "")
    .trim();
  const id = /^(\d{5,15})@c\.us$/.exec(text);
  if (id) return { chatId: text, phoneNumber: `+${id[1]}` };
  // "+44 (0)20 …" shows the trunk zero for callers at home: it is no part of the number.
  const digits = text.replace(/\(0\)/, "").replace(/^(00|\+)?/, "+");
  const number = parsePhoneNumberFromString(digits, { extract: false });
  if (!number?.isPossible() || number.ext) return null;
  return { chatId: `${number.number.slice(1)}@c.us`, phoneNumber: number.number };
}

/** How a number is written where its owner has no name: "+1 555 010 0001". */
export function writePhoneNumber(phoneNumber: string): string {
  return parsePhoneNumberFromString(phoneNumber)?.formatInternational() ?? phoneNumber;
}
