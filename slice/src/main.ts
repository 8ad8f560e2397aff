import { systemClock } from "./clock.js";
import { type Config, ConfigError, readConfig } from "./config.js";
import { createLog } from "./log.js";
import { startSlice } from "./slice.js";

const stopWithinMs = 15_000;

await main();

async function main(): Promise<void> {
  const config = readConfigOrExit();
  // A child process has no business with the database.
  delete process.env.DATABASE_URL;
  const log = createLog(config.sliceId, config.logLevel);
  const die = (err: unknown) => {
    log.fatal({ err }, "the slice failed");
    process.exit(1);
  };
  process.on("uncaughtException", die);
  // The browser library has promises that it forgets; they break when a browser does.
  let blame = (_err: unknown) => false;
  process.on("unhandledRejection", (err) => blame(err) || die(err));

  const starting = startSlice(config, systemClock, log);
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, "stopping");
    setTimeout(() => die(new Error(`still not stopped after ${stopWithinMs} ms`)), stopWithinMs).unref();
    starting
      .then((slice) => slice.stop())
      .then(() => {
        log.info("stopped");
        process.exit(0);
      })
      .catch(die);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);

  const { user, platform, ...slice } = await starting;
  blame = slice.blame;
  log.info({ user, platform, engine: config.engine }, "listening");
}

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    process.stderr.write(`The slice cannot start: ${err.message}.\n`);
    process.exit(1);
  }
}
