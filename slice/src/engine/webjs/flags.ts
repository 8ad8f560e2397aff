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
  // A new profile would be asked after three minutes which language models the machine could run,
  // by a process of its own.
  "--optimization-guide-performance-class=1",
];

/** What a browser without a window and with one page has no use for. Names that a version does not know are nothing to it. */
const features = [
  // A thread in every process that wakes every 10 s to look for hangs, and tells nobody.
  "EnableHangWatcher",
  "EnableHangWatcherOnGpuProcess",
  // Every 4 s each process goes through all that it has allocated to give some of it back, and so keeps
  // it from being swapped. A slice does that when its last user has left: Session.rest.
  "PartitionAllocMemoryReclaimer",
  // Every 15 s all processes are measured, so that pages in the background can be frozen or discarded.
  "CPUMeasurementInFreezingPolicy",
  "MemoryMeasurementInFreezingPolicy",
  // A renderer in reserve for the next site: 20 MB.
  "SpareRendererForSitePerProcess",
  // The address bar's list of suggestions is a page with a renderer of its own: 24 to 40 MB.
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  "WebUIOmniboxFullPopup",
  "PreloadTopChromeWebUI",
  // The last pages, kept for the way back.
  "BackForwardCache",
  "OptimizationGuideModelExecution",
  "OptimizationTargetPrediction",
];

/** Without these a page of a public name may reach the local network, where the keepalives of the stand-in go. */
const localNetwork = ["LocalNetworkAccessChecks", "LocalNetworkAccessChecksWebSockets"];

/** What puppeteer would add: with it Chromium measures all its processes, and reports to nobody. */
export const unwanted = ["--metrics-recording-only"];

const profiles = {
  // The setuid helper cannot work where nothing may gain privileges; the sandbox is made of
  // user namespaces instead.
  sandboxed: ["--disable-setuid-sandbox"],
  lean: ["--no-sandbox", "--disable-setuid-sandbox", "--single-process"],
};

/** Chromium's command line, as far as it is ours. Puppeteer makes one of all lists of features. */
export function chromiumFlags({
  profile,
  flags,
  standInKeepaliveUrl,
}: Pick<WebjsConfig, "profile" | "flags" | "standInKeepaliveUrl">): string[] {
  const ours = flags ?? [...common, `--disable-features=${features.join()}`, ...profiles[profile]];
  return standInKeepaliveUrl === null ? ours : [...ours, `--disable-features=${localNetwork.join()}`];
}

/** The browser without any of its user interface is a program of its own, which knows an option of its own. */
export function headlessMode(chromiumPath: string): true | "shell" {
  return chromiumPath.endsWith("headless-shell") ? "shell" : true;
}
