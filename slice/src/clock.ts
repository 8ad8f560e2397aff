/** The time, and timers, so that tests can turn the hands themselves. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Calls `act` once after `ms` milliseconds; the function it returns cancels that. */
  timer(ms: number, act: () => void): () => void;
}

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  timer(ms, act) {
    const timeout = setTimeout(act, ms);
    timeout.unref();
    return () => clearTimeout(timeout);
  },
};

/** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as that is aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const cancel = clock.timer(ms, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}
