/**
 * Milliseconds to wait before try number `tries` + 1: from one second, doubling,
 * at most 30 s, spread by a quarter so that many browsers do not come back at once.
 */
export function backoff(tries: number, random: () => number = Math.random): number {
  const base = Math.min(30_000, 1_000 * 2 ** Math.min(tries, 10));
  return Math.round(base * (0.75 + random() * 0.25));
}
