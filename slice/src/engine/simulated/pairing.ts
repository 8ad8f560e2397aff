import { randomBytes } from "node:crypto";

/** A code of the form that WhatsApp Web shows: a reference, three keys. */
export function newCode(): string {
  const key = () => randomBytes(32).toString("base64");
  return `2@${randomBytes(66).toString("base64")},${key()},${key()},${key()}`;
}
