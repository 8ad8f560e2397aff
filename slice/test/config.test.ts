import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIntoClientConfig } from "pg-connection-string";
import { ConfigError, readConfig } from "../src/config.js";
import { untilQuietHour } from "../src/engine/webjs/config.js";
import { chromiumFlags, headlessMode } from "../src/engine/webjs/flags.js";

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
  assert.deepEqual(config.pulse, { everySeconds: 60, timeoutSeconds: 10 });
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

test("Chromium's command line is the profile's, or the one that is given", () => {
  const flags = (more: Record<string, string>) => chromiumFlags(readConfig({ ...complete, ...more }).webjs);
  const lean = flags({ CHROMIUM_PROFILE: "lean" });
  for (const flag of [
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-sandbox",
    "--disable-setuid-sandbox",
    "--disable-extensions",
    "--disable-background-networking",
    "--js-flags=--max-old-space-size=128",
    "--single-process",
  ]) {
    assert.ok(lean.includes(flag), `${flag} is missing`);
  }
  assert.ok(
    lean.some((flag) => /^--disable-features=.*\bSpareRenderer/.test(flag)),
    "a renderer in reserve",
  );
  assert.ok(!lean.join().includes("LocalNetwork"), "a page must not reach the local network");
  const keepalives = flags({ STAND_IN_KEEPALIVE_URL: "ws://127.0.0.1:9", CHROMIUM_FLAGS: "--one" });
  assert.match(keepalives.join(" "), /^--one --disable-features=LocalNetworkAccessChecks,/);
  const sandboxed = flags({});
  assert.ok(!sandboxed.includes("--no-sandbox") && !sandboxed.includes("--single-process"));
  assert.deepEqual(flags({ CHROMIUM_FLAGS: "--one  --two=2 " }), ["--one", "--two=2"]);
  assert.equal(headlessMode("/usr/bin/chromium"), true);
  assert.equal(headlessMode("/usr/bin/chromium-headless-shell"), "shell");
  assert.match(complaint({ CHROMIUM_PROFILE: "fast" }), /CHROMIUM_PROFILE must be sandboxed or lean/);
});

test("the quiet hour comes once a week or once a day, not for all slices at once", () => {
  const hours = (now: string, days: 1 | 7, sliceId = 120) => {
    const weekly = readConfig({ ...complete, WEEKLY_RESTART: "tue 03:00" }).webjs.weeklyRestart;
    assert.ok(weekly);
    return untilQuietHour(weekly, days, sliceId, Date.parse(now)) / 3_600_000;
  };
  // 2030-01-01 is a Tuesday.
  assert.equal(hours("2030-01-01T02:00:00Z", 7), 1);
  assert.equal(hours("2030-01-01T04:00:00Z", 7), 7 * 24 - 1);
  assert.equal(hours("2030-01-06T03:00:00Z", 7), 48);
  assert.equal(hours("2030-01-01T04:00:00Z", 1), 23);
  assert.equal(hours("2030-01-05T00:30:00Z", 1), 2.5);
  const turns = new Set([1, 2, 3, 4, 5].map((id) => hours("2030-01-01T02:00:00Z", 7, id)));
  assert.equal(turns.size, 5);
  for (const turn of turns) assert.ok(turn >= 1 && turn < 3);
  assert.equal(readConfig({ ...complete, WEEKLY_RESTART: "off" }).webjs.weeklyRestart, null);
  assert.match(complaint({ WEEKLY_RESTART: "daily" }), /WEEKLY_RESTART must be off, or a day and time/);
});
