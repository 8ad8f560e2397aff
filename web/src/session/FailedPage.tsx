import { useEffect } from "react";
import { PanelPage } from "../layout/PanelPage";
import { Spinner } from "../ui/Spinner";
import { minutesAndSeconds } from "../ui/time";
import { useElapsed } from "../ui/useNow";
import { WriteToUs } from "../ui/WriteToUs";
import { RestartSliceButton } from "./RestartSlice";
import { useSession } from "./SessionProvider";
import { useSliceRestart } from "./useSliceRestart";

/** Shown to somebody whose slice stopped so often that it is not started again by itself. */
export function FailedPage() {
  const restart = useSliceRestart();
  if (restart.asked) return <StartingPage />;
  return (
    <PanelPage
      icon="warning"
      tone="warn"
      title="Workspace not started"
      heading="Your workspace could not be started"
    >
      <p>
        It stopped several times in a short time, so we stopped trying. Your messages and contacts are kept.
      </p>
      <p>
        We have been told of it and are looking into it. You can wait, as this page goes on by itself when
        your workspace is back, or have it tried once more now.
      </p>
      <RestartSliceButton restart={restart} label="Start it again" />
    </PanelPage>
  );
}

/** Seconds after which a start takes too long. */
const longStart = 120;

/** How often it is asked until then whether the start is under way, in milliseconds. */
const askEvery = 2_000;

function StartingPage() {
  const { refresh } = useSession();
  const seconds = useElapsed();
  const isLate = seconds >= longStart;

  useEffect(() => {
    if (isLate) return;
    const timer = setInterval(refresh, askEvery);
    return () => clearInterval(timer);
  }, [isLate, refresh]);

  return (
    <PanelPage icon="clock" title="Starting your workspace" heading="Your workspace is being started">
      <p aria-live="polite">
        {isLate ? (
          <>
            This takes longer than it should. Your messages and contacts are kept, and we have been told of
            it; if you are in a hurry, <WriteToUs />.
          </>
        ) : (
          "This mostly takes less than a minute, and this page goes on by itself."
        )}
      </p>
      <Spinner label="Starting" />
      <p className="elapsed">
        Elapsed <span role="timer">{minutesAndSeconds(seconds)}</span>
      </p>
    </PanelPage>
  );
}
