import type { Status, WaState } from "../api/slice";

/** What happened, what to do, and what not to do. */
export interface Problem {
  heading: string;
  text: string;
  /** What should be left alone, where there is harm in it. */
  warning?: string;
  /** What the button that starts over is called. */
  act: string;
}

const notAgain = "Do not link the phone again and again: that makes it worse.";

const byReason: Record<string, Problem> = {
  page_hung: {
    heading: "WhatsApp does not answer",
    text: "WhatsApp Web got stuck and is being restarted by itself. This takes about a minute; nothing is lost.",
    act: "Restart now",
  },
  browser_crashed: {
    heading: "WhatsApp is restarting",
    text: "WhatsApp Web stopped and is started again by itself. This takes about a minute; nothing is lost.",
    act: "Restart now",
  },
  conflict: {
    heading: "WhatsApp Web is open elsewhere",
    text: "Another browser has taken over. It is taken back in a few seconds; close WhatsApp Web there so that it stays.",
    act: "Link again",
  },
  link_lost: {
    heading: "The link to your phone is gone",
    text: "WhatsApp no longer knows this device. Everything in your inbox is kept. Link the phone again to go on.",
    act: "Link again",
  },
  data_deleted: {
    heading: "Everything is deleted",
    text: "Your phone is unlinked, and nothing of your messages, contacts and files is stored here any more. You can link a phone and begin anew.",
    act: "Link a phone",
  },
  tos_block: {
    heading: "WhatsApp has blocked this number",
    text: "WhatsApp says that its terms of service were broken. Only WhatsApp can lift the block: open WhatsApp on your phone and ask for a review there.",
    warning: notAgain,
    act: "Try again",
  },
  smb_tos_block: {
    heading: "WhatsApp has blocked this business number",
    text: "WhatsApp says that its business terms were broken. Only WhatsApp can lift the block: open WhatsApp Business on your phone and ask for a review there.",
    warning: notAgain,
    act: "Try again",
  },
  proxy_block: {
    heading: "WhatsApp refuses our network",
    text: "WhatsApp does not accept connections from this server at the moment. We have to solve this; your messages are safe.",
    warning: notAgain,
    act: "Try again",
  },
  temporary_ban: {
    heading: "WhatsApp has paused this number",
    text: "This number may not be used for a while, mostly because too much was sent too fast. Your phone shows until when. Wait until then, and send less afterwards.",
    warning: notAgain,
    act: "Try again",
  },
  deprecated_version: {
    heading: "WhatsApp Web has changed",
    text: "WhatsApp asks for a newer version than this workspace has. We are on it; your messages are safe and nothing has to be done on your phone.",
    act: "Try again",
  },
  browser_keeps_crashing: {
    heading: "WhatsApp could not stay up",
    text: "WhatsApp Web stopped several times in a row, so we stopped trying. Your messages are safe. Start over; if it happens again, tell us.",
    act: "Start over",
  },
};

const byState: Partial<Record<WaState, Problem>> = {
  disconnected: {
    heading: "WhatsApp is disconnected",
    text: "The connection is being restored by itself, mostly within a minute or two. See that your phone is switched on and online. If it does not come back, link the phone again.",
    act: "Link again",
  },
  logged_out: {
    heading: "WhatsApp was unlinked",
    text: "The link was removed on the phone, or WhatsApp ended it. Everything in your inbox is kept. Link the phone again to go on.",
    act: "Link again",
  },
  passkey: {
    heading: "WhatsApp asks for a passkey",
    text: "Your account is protected by a passkey, and WhatsApp wants it on the device that is linked. A server has no fingerprint to give. On your phone, open WhatsApp, Settings, Account, Passkeys, remove the passkey, and link again; you can add a new one afterwards.",
    warning: "Trying again without that leads to the same question.",
    act: "Link again",
  },
  restricted: {
    heading: "WhatsApp restricts this number",
    text: "WhatsApp has limited what this number may do, and only WhatsApp can lift that. Open WhatsApp on your phone to read why and until when; send nothing until then, and try again afterwards.",
    warning: notAgain,
    act: "Try again",
  },
  failed: {
    heading: "WhatsApp could not start",
    text: "Something went wrong on our side. Your messages are safe. Starting over mostly helps.",
    act: "Start over",
  },
};

/** null where nothing is wrong. */
export function problemOf({ state, reason }: Pick<Status, "state" | "reason">): Problem | null {
  const general = byState[state];
  if (!general) return null;
  return (reason && byReason[reason]) || general;
}
