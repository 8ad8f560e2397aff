import type { Logger } from "pino";
import { type Clock, sleep } from "../../clock.js";
import type { EngineStatus } from "../engine.js";
import { untilQuietHour, type WebjsConfig } from "./config.js";
import type { PageState } from "./page.js";
import type { Profile } from "./profile.js";
import { type End, type Session, within } from "./session.js";

/** One run of the browser, and what its watchers need to know and to say of it. */
export interface Watched {
  session: Session;
  profile: Profile;
  config: WebjsConfig;
  sliceId: number;
  clock: Clock;
  log: Logger;
  status(): EngineStatus;
  /** The page does not answer as it should: it must not pass for connected while it is looked at again. */
  doubt(): void;
  /** It was only slow. */
  believe(): void;
}

/** A browser that is closed in a quiet hour and comes back at once. */
export const planned: End = { state: "starting", reason: null, next: "again" };

/** A link that is accepted and does not become ready is begun anew. */
const readyWithinMs = 3 * 60_000;

/** A page that answers and is not as it should be may just be loading itself anew. */
class Unsound extends Error {}
const soundWithinMs = 30_000;

/** Watches until the browser has ended: whether it starts, whether its page lives, and when it had better be restarted. */
export async function watch(watched: Watched, over: AbortSignal): Promise<void> {
  await Promise.all(
    [watchStart, probe, restartInQuietHours].map((each) =>
      each(watched, over).catch((err) => {
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
  for (;;) {
    await sleep(clock, readyWithinMs, over);
    const silent = clock.now() - Date.parse(status().lastEventAt ?? "0") > readyWithinMs;
    if (status().state === "authenticated" && silent) session.finish(late);
  }
}

/** Asks the page whether it lives. Its answer is not WhatsApp's word: lastEventAt stays. */
async function probe(watched: Watched, over: AbortSignal): Promise<void> {
  const { session, config, clock, log, status } = watched;
  let failures = 0;
  let since = 0;
  for (;;) {
    await sleep(clock, config.probeSeconds * 1000, over);
    if (!session.page || status().state === "starting") continue;
    try {
      const page = await within(config.probeTimeoutSeconds * 1000, session.probe());
      assertSound(session, status(), page);
      failures = 0;
      if (status().reason === "page_hung") watched.believe();
    } catch (err) {
      over.throwIfAborted();
      if (failures++ === 0) since = clock.now();
      log.warn({ err: String(err), failures }, "the page does not answer as it should");
      if (status().state === "ready") watched.doubt();
      const patience = err instanceof Unsound ? soundWithinMs : 0;
      if (failures >= 2 && clock.now() - since >= patience)
        session.finish({ state: "disconnected", reason: "page_hung", next: "again" });
    }
  }
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
