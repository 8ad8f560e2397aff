import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIntoClientConfig } from "pg-connection-string";
import { ConfigError, readConfig } from "../src/config.js";

const complete = {
  SLICE_ID: "7",
  DB_SCHEMA: "slice_7",
  DATABASE_URL: "postgresql://slice_7:s3cret@/slices?host=/run/postgresql",
  WA_ENGINE: "simulated",
  MEDIA_QUOTA_BYTES: "2147483648",
};

function complaint(change: Record<string, string | undefined>): string {
  try {
    readConfig({ ...complete, ...change });
  } catch (err) {
    assert.ok(err instanceof ConfigError);
    return err.message;
  }
  return "";
}

test("the contract's five variables are enough", () => {
  const config = readConfig(complete);
  assert.equal(config.sliceId, 7);
  assert.equal(config.mediaQuotaBytes, 2 ** 31);
  assert.deepEqual([config.listenHost, config.userPort, config.platformPort], ["0.0.0.0", 4001, 4002]);
  assert.deepEqual(config.simulated, {
    qrSeconds: 20,
    qrCodes: 6,
    contacts: 120,
    syncSeconds: 4,
    messagesPerMinute: 4,
    keepaliveUrl: null,
  });
});

test("everything that is missing is named in one go", () => {
  const all = complaint({
    SLICE_ID: undefined,
    DB_SCHEMA: "",
    DATABASE_URL: undefined,
    WA_ENGINE: undefined,
    MEDIA_QUOTA_BYTES: undefined,
  });
  for (const name of Object.keys(complete)) assert.match(all, new RegExp(`${name} is missing`));
  assert.doesNotMatch(all, /\n/);
});

test("what is wrong is named with what it must be", () => {
  assert.match(complaint({ SLICE_ID: "0" }), /SLICE_ID must be a whole number from 1/);
  assert.match(complaint({ SLICE_ID: "1.5" }), /SLICE_ID must be a whole number/);
  assert.match(complaint({ SLICE_ID: "seven" }), /SLICE_ID must be a whole number/);
  assert.match(complaint({ DB_SCHEMA: 'slice_7"; --' }), /DB_SCHEMA must be a plain lower-case name/);
  assert.match(complaint({ WA_ENGINE: "fake" }), /WA_ENGINE must be webjs or simulated/);
  assert.match(complaint({ MEDIA_QUOTA_BYTES: "-1" }), /MEDIA_QUOTA_BYTES must be/);
  assert.match(complaint({ USER_PORT: "70000" }), /USER_PORT must be a whole number from 0 to 65535/);
  assert.match(complaint({ SIMULATED_KEEPALIVE_URL: "https://x" }), /SIMULATED_KEEPALIVE_URL must be tcp/);
  assert.match(complaint({ SIMULATED_QR_SECONDS: "0" }), /SIMULATED_QR_SECONDS must be a number from/);
});

test("the real engine is refused in words where the image has no browser", () => {
  assert.match(
    complaint({ WA_ENGINE: "webjs", CHROMIUM_PATH: "/no/chromium" }),
    /WA_ENGINE=webjs needs Chromium, and there is no \/no\/chromium in this image/,
  );
});

test("a wrong DATABASE_URL is not repeated: it holds a password", () => {
  const said = complaint({ DATABASE_URL: "slice_7:s3cret@localhost" });
  assert.match(said, /DATABASE_URL must be a postgresql:\/\/ URL/);
  assert.doesNotMatch(said, /s3cret/);
});

test("the driver reads the URL of a Unix socket as it is meant", () => {
  const { host, user, password, database } = parseIntoClientConfig(complete.DATABASE_URL);
  assert.deepEqual(
    { host, user, password, database },
    { host: "/run/postgresql", user: "slice_7", password: "s3cret", database: "slices" },
  );
});
