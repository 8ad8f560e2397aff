import type { Status } from "../api/slice";
import type { Trouble, WorkspaceState } from "./state";

export type Tone = "good" | "busy" | "bad";

/** How the connection to WhatsApp stands, in words for the customer. */
export interface ConnectionWords {
  tone: Tone;
  /** A word or two for the bar. */
  label: string;
  /** True where the connect page has more to say or to do. */
  needsPerson: boolean;
}

const troubleWords: Record<Trouble, ConnectionWords> = {
  offline: { tone: "bad", label: "No connection", needsPerson: false },
  restarting: { tone: "busy", label: "Workspace restarting", needsPerson: false },
};

const notLinked: ConnectionWords = { tone: "bad", label: "Not linked", needsPerson: true };

/** null while nothing is known yet. */
export function connectionWords(status: Status | null, trouble: Trouble | null): ConnectionWords | null {
  if (trouble) return troubleWords[trouble];
  if (!status) return null;
  switch (status.state) {
    case "ready":
      return { tone: "good", label: "Connected", needsPerson: false };
    case "starting":
      return { tone: "busy", label: "Starting", needsPerson: true };
    case "authenticated":
      return { tone: "busy", label: "Syncing", needsPerson: true };
    case "qr":
      return notLinked;
    case "disconnected":
      if (hasTimedOut(status)) return notLinked;
      return { tone: "bad", label: "Disconnected", needsPerson: true };
    case "logged_out":
      return { tone: "bad", label: "Unlinked", needsPerson: true };
    case "passkey":
      return { tone: "bad", label: "Passkey needed", needsPerson: true };
    case "restricted":
      return { tone: "bad", label: "Restricted", needsPerson: true };
    case "failed":
      return { tone: "bad", label: "Not running", needsPerson: true };
  }
}

/** True when a whole round of QR codes went by without a scan. */
export function hasTimedOut(status: Status): boolean {
  return status.state === "disconnected" && status.reason === "qr_timeout";
}

/**
 * Whether the person has to link their phone before the inbox has anything to
 * show. One whose link broke keeps the inbox, with what it holds.
 */
export function mustLink({ status, chats }: Pick<WorkspaceState, "status" | "chats">): boolean {
  if (!status || !chats) return false;
  return status.state !== "ready" && status.phoneNumber === null && chats.length === 0;
}
