import type { Logger } from "pino";
import { type Clock, sleep } from "../../clock.js";
import type { EngineStatus } from "../engine.js";
import { type Asked, type Pulse, Unsound } from "../pulse.js";
import { untilQuietHour, type WebjsConfig } from "./config.js";
import type { PageState } from "./page.js";
import type { Profile } from "./profile.js";
import type { End, Session } from "./session.js";

/** One run of the browser, and what its watchers need to know and to say of it. */
export interface Watched {
  session: Session;
  profile: Profile;
  config: WebjsConfig;
  sliceId: number;
  clock: Clock;
  log: Logger;
  status(): EngineStatus;
  pulse: Pulse;
}

/** A browser that is closed in a quiet hour and comes back at once. */
export const planned: End = { state: "starting", reason: null, next: "again" };

/** A link that is accepted and does not become ready is begun anew. */
const readyWithinMs = 3 * 60_000;

/** Watches until the browser has ended: whether it starts, whether its page lives, and when it had better be restarted. */
export async function watch(watched: Watched, over: AbortSignal): Promise<void> {
  await Promise.all(
    [watchStart(watched, over), watched.pulse.run(over), restartInQuietHours(watched, over)].map((each) =>
      each.catch((err) => {
        if (!over.aborted) throw err;
      }),
    ),
  );
}

/** A browser that says nothing for too long, or a link that never becomes ready, is begun anew. */
async function watchStart({ session, config, clock, status }: Watched, over: AbortSignal): Promise<void> {
  const late: End = { state: "disconnected", reason: "no_answer", next: "again" };
  const began = status().lastEventAt;
  await sleep(clock, config.startTimeoutSeconds * 1000, over);
  if (status().state === "starting" && status().lastEventAt === began) session.finish(late);
  // One that has become ready has nothing left to wait for, and sleeps better without a timer.
  while (status().state !== "ready") {
    await sleep(clock, readyWithinMs, over);
    const silent = clock.now() - Date.parse(status().lastEventAt ?? "0") > readyWithinMs;
    if (status().state === "authenticated" && silent) session.finish(late);
  }
}

/** The page of a session, as it is asked whether it lives. */
export function asked(
  session: Session,
  over: AbortSignal,
  status: () => EngineStatus,
  doubt: () => void,
  believe: () => void,
): Asked {
  return {
    there: () => !over.aborted && session.page !== null && status().state !== "starting",
    ready: () => status().state === "ready",
    answer: async () => assertSound(session, status(), await session.probe()),
    doubt() {
      if (status().state === "ready") doubt();
    },
    believe() {
      if (status().reason === "page_hung") believe();
    },
    replace: () => session.finish({ state: "disconnected", reason: "page_hung", next: "again" }),
  };
}

/** Throws if the page is not what the status says. */
function assertSound(
  session: Session,
  { state: told, reason }: EngineStatus,
  { state, whole }: PageState,
): void {
  if (!session.ready) return;
  if (!whole) throw new Unsound("the page was loaded anew and is not ours yet");
  if ((told === "ready" || reason === "page_hung") && state !== "CONNECTED") {
    throw new Unsound(`its connection is ${state}, and it did not say so`);
  }
}

/** Gives back the memory that the page has gathered in a week; a link that is new is copied aside in its first night. */
async function restartInQuietHours(watched: Watched, over: AbortSignal): Promise<void> {
  const { session, profile, config, sliceId, clock, log, status } = watched;
  if (!config.weeklyRestart) return;
  for (;;) {
    const days = profile.snapshotAt() === null ? 1 : 7;
    await sleep(clock, untilQuietHour(config.weeklyRestart, days, sliceId, clock.now()), over);
    if (status().state !== "ready") continue;
    log.info("a planned restart of Chromium");
    session.finish(planned);
  }
}
