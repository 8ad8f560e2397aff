import { PanelPage } from "../layout/PanelPage";
import { Spinner } from "../ui/Spinner";
import { minutesAndSeconds } from "../ui/time";
import { useElapsed, useNow } from "../ui/useNow";

/** Seconds after which the words change. */
const longWait = 120;

/** Seconds after which a wait was one for a free place, which is not what this page is about. */
const waitForPlace = 3_600;

/** Shown while no slice is free yet and one is being made; `since` is when the wait began (ISO 8601). */
export function WaitingPage({ since }: { since: string }) {
  const now = useNow();
  const here = useElapsed();
  const inLine = Math.max(0, Math.floor((now - Date.parse(since)) / 1_000));
  const waited = inLine < waitForPlace ? inLine : here;

  return (
    <PanelPage
      icon="clock"
      title="Preparing your workspace"
      heading="Your private workspace is being prepared"
    >
      <p aria-live="polite">
        {waited < longWait
          ? "It is made for you alone, which mostly takes a minute or two. This page goes on by itself as soon as it is ready."
          : "This takes longer than usual: many people may be signing up just now. You can close this page; your place is kept, and you can log in again at any time."}
      </p>
      <Spinner label="Preparing" />
      <p className="elapsed">
        Waiting for <span role="timer">{minutesAndSeconds(waited)}</span>
      </p>
    </PanelPage>
  );
}
