import { type Clock, sleep } from "../clock.js";
import { DatabaseUnavailable } from "./database.js";

/**
 * Repeats `work` until Postgres is there, waiting longer each time, up to 5 s. `work`
 * is told which try it is, from 1: after an outage an earlier try may have been committed.
 * Rejects with the signal's reason when that is aborted, and with any other error at once.
 */
export async function untilStored<T>(
  clock: Clock,
  signal: AbortSignal,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (err) {
      if (!(err instanceof DatabaseUnavailable)) throw err;
      await sleep(clock, Math.min(5_000, 125 * 2 ** attempt), signal);
    }
  }
}
