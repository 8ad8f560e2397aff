import { setMaxListeners } from "node:events";

/**
 * Runs several works until all are done, or one fails, or the signal is aborted; always
 * waits for all of them to end. Rejects with the first failure or the signal's reason.
 */
export async function together(
  signal: AbortSignal,
  works: ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  // As many may wait for its end as there are messages on their way.
  setMaxListeners(0, either);
  await Promise.all(works.map((work) => work(either).catch((err) => failed.abort(err))));
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
}

/** Never resolves; rejects with the signal's reason when it is aborted. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
