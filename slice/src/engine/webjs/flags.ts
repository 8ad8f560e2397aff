import type { WebjsConfig } from "./config.js";

/** What both profiles have: less memory, and no traffic but WhatsApp's. */
const common = [
  "--disable-gpu",
  // /dev/shm in a container is 64 MB; shared memory goes to /tmp instead.
  "--disable-dev-shm-usage",
  "--disable-extensions",
  "--disable-background-networking",
  "--js-flags=--max-old-space-size=128",
  "--no-first-run",
  "--disable-component-update",
  "--disable-sync",
  // Reports of crashes would go to its maker, and fill the profile.
  "--disable-breakpad",
  // The page is fetched anew now and then; a cache of it would only grow.
  "--disk-cache-size=16777216",
];

const profiles = {
  // The setuid helper cannot work where nothing may gain privileges; the sandbox is made of
  // user namespaces instead.
  sandboxed: ["--disable-setuid-sandbox"],
  lean: ["--no-sandbox", "--disable-setuid-sandbox", "--single-process"],
};

/** Chromium's command line, as far as it is ours. */
export function chromiumFlags({ profile, flags }: Pick<WebjsConfig, "profile" | "flags">): string[] {
  return flags ?? [...common, ...profiles[profile]];
}
