import { existsSync } from "node:fs";
import type { Engine } from "./api.js";
import type { PulseConfig } from "./engine/pulse.js";
import { defaultChromium, readWebjsConfig, type WebjsConfig } from "./engine/webjs/config.js";
import type { PaceConfig } from "./inbox/pace.js";

/** Every setting of a slice: its name, its default, its check. README.md lists them too. */

export interface Config {
  sliceId: number;
  schema: string;
  databaseUrl: string;
  engine: Engine;
  mediaQuotaBytes: number;
  mediaDir: string;
  /** Where the state is written down for the platform; null where nobody reads it. */
  saidFile: string | null;
  /** The most that one file may have. */
  mediaMaxBytes: number;
  /** What the disk must have free before media is stored. */
  diskReserveBytes: number;
  pace: PaceConfig;
  listenHost: string;
  userPort: number;
  platformPort: number;
  logLevel: string;
  pulse: PulseConfig;
  simulated: SimulatedConfig;
  webjs: WebjsConfig;
}

export interface SimulatedConfig {
  /** How long one code is valid, in seconds. */
  qrSeconds: number;
  /** How many codes a round has. */
  qrCodes: number;
  /** How many people are in the simulated address book. */
  contacts: number;
  /** How long the first sync takes, in seconds. */
  syncSeconds: number;
  /** How many messages arrive by themselves; 0 for none. */
  messagesPerMinute: number;
  /** `tcp://host:port` to send keepalives to; null sends none. */
  keepaliveUrl: string | null;
}

/** Says in one line everything that is wrong with the environment, and never repeats a value that may be secret. */
export class ConfigError extends Error {}

type Environment = Record<string, string | undefined>;

/** What an export of a slice that does not run needs to know. */
export type ExportConfig = Pick<Config, "sliceId" | "schema" | "databaseUrl" | "mediaDir" | "logLevel">;

/** Reads those settings alone, in the same way. */
export function readExportConfig(env: Environment): ExportConfig {
  const read = new Reader(env);
  const config = exportConfig(read);
  read.finish();
  return config;
}

function exportConfig(read: Reader): ExportConfig {
  return {
    sliceId: read.number("SLICE_ID", { min: 1, max: 2_147_483_647, whole: true }),
    schema: read.text("DB_SCHEMA", /^[a-z_][a-z0-9_]{0,62}$/, "a plain lower-case name such as slice_7"),
    databaseUrl: read.text("DATABASE_URL", /^postgres(ql)?:\/\//, "a postgresql:// URL"),
    mediaDir: read.text("MEDIA_DIR", /^\//, "an absolute path", "/app/media"),
    logLevel: read.text("LOG_LEVEL", /^(debug|info|warn|error)$/, "debug, info, warn or error", "info"),
  };
}

/** Reads the settings. Throws a ConfigError that names every variable that is missing or wrong. */
export function readConfig(env: Environment): Config {
  const read = new Reader(env);
  const config: Config = {
    ...exportConfig(read),
    engine: read.engine(),
    mediaQuotaBytes: read.number("MEDIA_QUOTA_BYTES", { min: 0, max: Number.MAX_SAFE_INTEGER, whole: true }),
    saidFile: read.text(
      "STATUS_FILE",
      /^(\/.+|off)$/,
      "an absolute path, or off",
      "/app/session/status.json",
    ),
    mediaMaxBytes: read.number("MEDIA_MAX_BYTES", { min: 1, max: 2 ** 31, whole: true }, 60 * 2 ** 20),
    diskReserveBytes: read.number(
      "DISK_RESERVE_BYTES",
      { min: 0, max: Number.MAX_SAFE_INTEGER, whole: true },
      512 * 2 ** 20,
    ),
    pace: {
      burst: read.number("SEND_BURST", { min: 1, max: 1000, whole: true }, 5),
      perMinute: read.number("SEND_PER_MINUTE", { min: 0.1, max: 6000 }, 20),
      newChatsPerHour: read.number("SEND_NEW_CHATS_PER_HOUR", { min: 0.1, max: 36_000 }, 30),
    },
    listenHost: read.text("LISTEN_HOST", /^\S+$/, "an address", "0.0.0.0"),
    userPort: read.number("USER_PORT", { min: 0, max: 65_535, whole: true }, 4001),
    platformPort: read.number("PLATFORM_PORT", { min: 0, max: 65_535, whole: true }, 4002),
    pulse: {
      everySeconds: read.number("PROBE_SECONDS", { min: 0.1, max: 3600 }, 60),
      timeoutSeconds: read.number("PROBE_TIMEOUT_SECONDS", { min: 0.1, max: 600 }, 10),
    },
    simulated: {
      qrSeconds: read.number("SIMULATED_QR_SECONDS", { min: 0.05, max: 3600 }, 20),
      qrCodes: read.number("SIMULATED_QR_CODES", { min: 1, max: 1000, whole: true }, 6),
      contacts: read.number("SIMULATED_CONTACTS", { min: 1, max: 20_000, whole: true }, 120),
      syncSeconds: read.number("SIMULATED_SYNC_SECONDS", { min: 0, max: 3600 }, 4),
      messagesPerMinute: read.number("SIMULATED_MESSAGES_PER_MINUTE", { min: 0, max: 6000 }, 4),
      keepaliveUrl:
        read.text("SIMULATED_KEEPALIVE_URL", /^(tcp:\/\/\S+:\d+)?$/, "tcp://host:port", "") || null,
    },
    webjs: readWebjsConfig(read),
  };
  if (config.saidFile === "off") config.saidFile = null;
  read.finish();
  return config;
}

/** Reads one variable after the other and gathers what is wrong with them. */
export class Reader {
  readonly #env: Environment;
  readonly #problems: string[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  text(name: string, pattern: RegExp, form: string, fallback?: string): string {
    const value = this.#env[name] || fallback;
    if (value === undefined) this.#problems.push(`${name} is missing (${form})`);
    else if (!pattern.test(value)) this.#problems.push(`${name} must be ${form}`);
    return value ?? "";
  }

  number(name: string, bounds: { min: number; max: number; whole?: boolean }, fallback?: number): number {
    const form = `a ${bounds.whole ? "whole " : ""}number from ${bounds.min} to ${bounds.max}`;
    const text = this.text(name, /^\d+(\.\d+)?$/, form, fallback?.toString());
    const value = Number(text);
    const wrong = value < bounds.min || value > bounds.max || (bounds.whole && !Number.isSafeInteger(value));
    if (text !== "" && wrong) this.#problems.push(`${name} must be ${form}`);
    return value;
  }

  engine(): Engine {
    const engine = this.text("WA_ENGINE", /^(webjs|simulated)$/, "webjs or simulated") as Engine;
    const chromium = this.#env.CHROMIUM_PATH || defaultChromium;
    if (engine === "webjs" && !existsSync(chromium)) {
      this.#problems.push(`WA_ENGINE=webjs needs Chromium, and there is no ${chromium} in this image`);
    }
    return engine;
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems.join("; "));
  }
}
