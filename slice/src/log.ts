import { destination, type Logger, pino } from "pino";

/** JSON lines on standard output, or standard error, each with the slice's id. */
export function createLog(sliceId: number, level: string, to: 1 | 2 = 1): Logger {
  const options = { level, base: { slice: sliceId }, serializers: { err: plainError } };
  // Written before the next line runs: the last words before an exit are the ones that matter.
  return pino(options, destination({ dest: to, sync: true }));
}

/** An error without what drivers attach to it: Postgres repeats whole rows there, with people's messages. */
function plainError(err: unknown): unknown {
  if (!(err instanceof Error)) return { message: String(err) };
  const code = "code" in err ? err.code : undefined;
  const cause = err.cause === undefined ? undefined : plainError(err.cause);
  return { type: err.name, message: err.message, code, stack: err.stack, cause };
}
