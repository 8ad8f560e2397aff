import type { Announcement } from "../api/gateway";

const key = "announcements-put-away";

/** When announcements were put away in this browser (ISO 8601), by id. */
type PutAway = Record<string, string>;

/** For browsers that keep nothing: until the page is loaded again. */
let unkept: PutAway = {};

function read(): PutAway {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "{}");
    return typeof kept === "object" && kept !== null ? { ...(kept as PutAway), ...unkept } : unkept;
  } catch {
    return unkept;
  }
}

/** Puts an announcement away in this browser; of the others those are remembered that are still announced. */
export function putAway({ id }: Announcement, announced: readonly Announcement[], now: number): void {
  const before = read();
  const kept: PutAway = Object.fromEntries(
    announced.flatMap((one): [string, string][] => {
      const at = one.id === id ? new Date(now).toISOString() : before[one.id];
      return at ? [[String(one.id), at]] : [];
    }),
  );
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    unkept = kept;
  }
}

/** An information is put away for good, a warning until the next day where the person is. */
export function isPutAway({ id, level }: Announcement, now: number): boolean {
  const at = Date.parse(read()[id] ?? "");
  if (Number.isNaN(at)) return false;
  return level === "info" || new Date(at).toDateString() === new Date(now).toDateString();
}
