import { pipeline } from "node:stream/promises";
import { systemClock } from "./clock.js";
import { ConfigError, type ExportConfig, readExportConfig } from "./config.js";
import { archive } from "./export/archive.js";
import { createLog } from "./log.js";
import { MediaFiles } from "./media/files.js";
import { Database } from "./store/database.js";

/**
 * `node dist/export.js` writes the export of a slice that does not run to standard output: it needs
 * the slice's database and media, changes neither, and starts no session. What was written is whole
 * if it ends with 0.
 */
await main();

async function main(): Promise<void> {
  const config = readConfigOrExit();
  delete process.env.DATABASE_URL;
  // Standard output is the ZIP's.
  const log = createLog(config.sliceId, config.logLevel, 2);
  const db = new Database(config.databaseUrl, config.schema, log, { readOnly: true });
  const files = new MediaFiles(config.mediaDir, 0);
  try {
    await pipeline(archive({ db, files, log, now: systemClock.now() }), process.stdout);
    await db.close();
  } catch (err) {
    log.fatal({ err }, "the export failed");
    process.exit(1);
  }
}

function readConfigOrExit(): ExportConfig {
  try {
    return readExportConfig(process.env);
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    process.stderr.write(`The export cannot start: ${err.message}.\n`);
    process.exit(1);
  }
}
