import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { app, required } from "./person";

/** A mail as the system writes it to a file where none is sent. */
interface Mail {
  to: string[];
  subject: string;
  text: string;
  html: string;
}

const folder = required("MAIL_DIR");

/** The link to a page of the app in the mail to somebody, as soon as there is one. */
export function linkTo(page: "verify-email" | "reset-password", address: string): Promise<string> {
  const start = `${app}/${page}#token=`;
  return vi.waitFor(
    () => {
      for (const { text } of mailsTo(address)) {
        const [, after] = text.split(start, 2);
        const token = after && /^[\w-]{43}/.exec(after);
        if (token) return start + token;
      }
      throw new Error(`no mail to ${address} has a link to ${page}`);
    },
    { timeout: 60_000, interval: 200 },
  );
}

/** The mail of a subject to somebody, as soon as there is one. */
export function mailAbout(subject: string, address: string): Promise<Mail> {
  return vi.waitFor(
    () => {
      const found = mailsTo(address).find((mail) => mail.subject === subject);
      if (!found) throw new Error(`no mail to ${address} is about “${subject}”`);
      return found;
    },
    { timeout: 60_000, interval: 200 },
  );
}

function mailsTo(address: string): Mail[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Mail)
    .filter(({ to }) => to.some((recipient) => recipient.includes(address)));
}
