import type { Export } from "../api/billing";

const key = "seen-export";

/** Remembers in this browser that somebody knows of a copy, so that it is not announced to them any more. */
export function markSeen({ id }: Export): void {
  try {
    localStorage.setItem(key, String(id));
  } catch {
    // A browser that keeps nothing announces it once more.
  }
}

/** Copies have rising numbers: whoever knows of one knows of those before it. */
export function isSeen({ id }: Export): boolean {
  try {
    return id <= Number(localStorage.getItem(key) ?? "");
  } catch {
    return false;
  }
}
