import type { Reader } from "../../config.js";

/** The settings of the real engine: README.md lists them too. */
export interface WebjsConfig {
  chromiumPath: string;
  /** Whether Chromium's own sandbox is on. */
  profile: "sandboxed" | "lean";
  /** The command line instead of the profile's; null for the profile's. */
  flags: string[] | null;
  sessionDir: string;
  /** A directory whose page plays the part of WhatsApp Web; null for the real one. */
  standInPage: string | null;
  /** How many codes a round has. */
  qrCodes: number;
  /** How long the stand-in shows a code, in seconds; the real page decides for itself. */
  standInQrSeconds: number;
  /** Memory that the stand-in holds, in bytes, to come nearer to the real page's weight. */
  standInMemory: number;
  /** `ws://host:port` that the stand-in sends keepalives to; null sends none. */
  standInKeepaliveUrl: string | null;
  /** How long a start may take until WhatsApp says anything, in seconds. */
  startTimeoutSeconds: number;
  /** Messages of each chat, and chats, that are taken over when a phone is linked. */
  syncMessages: number;
  syncChats: number;
  /** When Chromium is restarted to give its memory back; null for never. */
  weeklyRestart: WeeklyRestart | null;
  /** What the phone calls this device in its list of linked devices. */
  deviceName: string;
  userAgent: string;
}

/** A minute of the week in UTC: 0 is Sunday, 00:00. */
export interface WeeklyRestart {
  minute: number;
}

export const defaultChromium = "/usr/bin/chromium";

const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

export function readWebjsConfig(read: Reader): WebjsConfig {
  const flags = read.text("CHROMIUM_FLAGS", /^[^\n]*$/, "flags separated by spaces", "");
  const weekly = read.text(
    "WEEKLY_RESTART",
    /^(off|(sun|mon|tue|wed|thu|fri|sat) ([01]\d|2[0-3]):[0-5]\d)$/i,
    "off, or a day and time in UTC such as “sun 03:00”",
    "sun 03:00",
  );
  return {
    chromiumPath: read.text("CHROMIUM_PATH", /^\//, "an absolute path", defaultChromium),
    profile: read.text("CHROMIUM_PROFILE", /^(sandboxed|lean)$/, "sandboxed or lean", "sandboxed") as
      | "sandboxed"
      | "lean",
    flags: flags === "" ? null : flags.split(/\s+/).filter(Boolean),
    sessionDir: read.text("SESSION_DIR", /^\//, "an absolute path", "/app/session"),
    standInPage: read.text("STAND_IN_PAGE", /^(\/.*)?$/, "an absolute path", "") || null,
    qrCodes: read.number("QR_CODES", { min: 1, max: 1000, whole: true }, 6),
    standInQrSeconds: read.number("STAND_IN_QR_SECONDS", { min: 0.05, max: 3600 }, 20),
    standInMemory: read.number("STAND_IN_MEMORY", { min: 0, max: 2 ** 31, whole: true }, 0),
    standInKeepaliveUrl:
      read.text("STAND_IN_KEEPALIVE_URL", /^(wss?:\/\/\S+)?$/, "ws://host:port", "") || null,
    startTimeoutSeconds: read.number("START_TIMEOUT_SECONDS", { min: 1, max: 3600 }, 180),
    syncMessages: read.number("SYNC_MESSAGES", { min: 1, max: 1000, whole: true }, 50),
    syncChats: read.number("SYNC_CHATS", { min: 1, max: 10_000, whole: true }, 200),
    weeklyRestart: readWeekly(weekly),
    deviceName: read.text("DEVICE_NAME", /^.{1,40}$/, "a name of 40 characters at most", "Slicegate"),
    userAgent: read.text(
      "USER_AGENT",
      /^.+$/,
      "a browser's user agent",
      // WhatsApp Web turns away what calls itself headless.
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
    ),
  };
}

function readWeekly(text: string): WeeklyRestart | null {
  const [day, time] = text.toLowerCase().split(" ");
  const [hours, minutes] = (time ?? "").split(":").map(Number);
  const weekday = days.indexOf(day ?? "");
  if (weekday < 0 || hours === undefined || minutes === undefined) return null;
  return { minute: (weekday * 24 + hours) * 60 + minutes };
}

/**
 * Milliseconds until the hour of the weekly restart comes again: every 7 days, or every day. The
 * slices of a server take turns over two hours, so that they do not start Chromium all at once.
 */
export function untilQuietHour(
  { minute }: WeeklyRestart,
  everyDays: 1 | 7,
  sliceId: number,
  now: number,
): number {
  const period = everyDays * 24 * 60;
  const due = minute + ((sliceId * 37) % 120);
  const at = new Date(now);
  const is = (at.getUTCDay() * 24 + at.getUTCHours()) * 60 + at.getUTCMinutes() + at.getUTCSeconds() / 60;
  const wait = (((due - is) % period) + period) % period;
  return Math.max(1, wait) * 60_000;
}
