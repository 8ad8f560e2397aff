/** The page is in English, so its dates are too, in the reader's own English where they have one. */
const locale = navigator.languages.find((language) => language.startsWith("en")) ?? "en-GB";

const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(locale, { weekday: "long" });
const dayAndMonth = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const wholeDate = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
const dateAndTime = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" });
const mediumDate = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const shortDate = new Intl.DateTimeFormat(locale, { day: "2-digit", month: "2-digit", year: "2-digit" });

const day = 86_400_000;

/** "14:05" */
export function clockTime(at: string): string {
  return time.format(new Date(at));
}

/** Days from the local day of `at` to that of `now`; 0 for the same day. */
function daysAgo(at: Date, now: Date): number {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(now) - midnight(at)) / day);
}

/** The heading of a day in a conversation: "Today", "Yesterday", "Tuesday 3 March", "3 March 2024". */
export function dayName(at: string, now = new Date()): string {
  const date = new Date(at);
  const days = daysAgo(date, now);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.getFullYear() === now.getFullYear() ? dayAndMonth.format(date) : wholeDate.format(date);
}

/** The time of a chat's newest message in the list: "14:05", "Yesterday", "Tuesday", "03/03/24". */
export function listTime(at: string, now = new Date()): string {
  const date = new Date(at);
  const days = daysAgo(date, now);
  if (days <= 0) return time.format(date);
  if (days === 1) return "Yesterday";
  return days < 7 ? weekday.format(date) : shortDate.format(date);
}

/** "3 March 2024" */
export function dateOf(at: string): string {
  return wholeDate.format(new Date(at));
}

/** "3 Mar 2024", where there is little room. */
export function shortDateOf(at: string): string {
  return mediumDate.format(new Date(at));
}

/** "3 March 2024 at 14:05" */
export function momentOf(at: string): string {
  return dateAndTime.format(new Date(at));
}

/** "7 days", "36 hours": as exact as an hour, in one unit. */
export function spanOf(seconds: number): string {
  const hours = Math.round(seconds / 3600);
  const [count, unit] = hours % 24 === 0 ? [hours / 24, "day"] : [hours, "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** "1:05" for 65 seconds. */
export function minutesAndSeconds(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How long something has to be waited for: "42 s", and "4:32 min" from two minutes on. */
export function inSeconds(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${minutesAndSeconds(seconds)} min`;
}

/** Whole days from `now` until `at`, a begun day counting as one; 0 when it has passed. */
export function daysUntil(at: string, now: number): number {
  return Math.max(0, Math.ceil((Date.parse(at) - now) / day));
}
