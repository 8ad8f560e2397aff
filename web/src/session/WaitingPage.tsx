import { SignedInLayout } from "../layout/SignedInLayout";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { minutesAndSeconds } from "../ui/time";
import { useElapsed, useNow } from "../ui/useNow";

/** Seconds after which the words change. */
const longWait = 120;

/** Shown while no slice is free yet; `since` is when the wait began (ISO 8601), null if that is not known. */
export function WaitingPage({ since }: { since: string | null }) {
  const now = useNow();
  const here = useElapsed();
  const waited = since ? Math.max(0, Math.floor((now - Date.parse(since)) / 1_000)) : here;

  return (
    <SignedInLayout>
      <section className="card panel">
        <span className="panel-icon">
          <Icon name="clock" />
        </span>
        <PageHeading title="Preparing your workspace">Your private workspace is being prepared</PageHeading>
        <p aria-live="polite">
          {waited < longWait
            ? "It is made for you alone, which mostly takes a minute or two. This page goes on by itself as soon as it is ready."
            : "This takes longer than usual: many people may be signing up just now. You can close this page; your place is kept, and you can log in again at any time."}
        </p>
        <Spinner label="Preparing" />
        <p className="elapsed">
          Waiting for <span role="timer">{minutesAndSeconds(waited)}</span>
        </p>
      </section>
    </SignedInLayout>
  );
}
