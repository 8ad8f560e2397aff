import { createHash } from "node:crypto";

/** Chances that fall the same way every time for the same seed. */
export interface Chance {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `below`. */
  int(below: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
}

/** The same parts give the same row of chances. */
export function chance(...seed: (string | number)[]): Chance {
  let state = Number.parseInt(fingerprint(...seed).slice(0, 8), 16);
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number) => Math.floor(next() * below);
  return { next, int, pick: (list) => list[int(list.length)] ?? list[0] };
}

/** 40 upper-case hexadecimal digits that stand for these parts. */
export function fingerprint(...parts: (string | number)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 40).toUpperCase();
}
