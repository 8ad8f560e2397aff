import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, readConfig } from "../../src/config.js";
import type { TestSchema } from "./postgres.js";

/** Where a test's slice keeps files; it goes with the schema. */
export function mediaDir({ schema }: Pick<TestSchema, "schema">): string {
  return join(tmpdir(), `media-${schema}`);
}

/** The environment of a quick slice on ports that are free. */
export function environment(db: Pick<TestSchema, "url" | "schema">, more: Record<string, string> = {}) {
  return {
    SLICE_ID: "7",
    DB_SCHEMA: db.schema,
    DATABASE_URL: db.url,
    WA_ENGINE: "simulated",
    MEDIA_QUOTA_BYTES: "1000000",
    MEDIA_DIR: mediaDir(db),
    STATUS_FILE: "off",
    DISK_RESERVE_BYTES: "0",
    SEND_BURST: "1000",
    SEND_PER_MINUTE: "6000",
    SEND_NEW_CHATS_PER_HOUR: "36000",
    LISTEN_HOST: "127.0.0.1",
    USER_PORT: "0",
    PLATFORM_PORT: "0",
    LOG_LEVEL: "error",
    SIMULATED_CONTACTS: "20",
    SIMULATED_SYNC_SECONDS: "0.4",
    SIMULATED_MESSAGES_PER_MINUTE: "0",
    ...more,
  };
}

export function testConfig(
  db: Pick<TestSchema, "url" | "schema">,
  more: Record<string, string> = {},
): Config {
  return readConfig(environment(db, more));
}
