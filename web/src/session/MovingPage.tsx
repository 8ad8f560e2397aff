import { PanelPage } from "../layout/PanelPage";
import { Spinner } from "../ui/Spinner";
import { useElapsed } from "../ui/useNow";

/** Seconds after which the words change. */
const longMove = 300;

/** Shown while somebody's slice is brought to another server. */
export function MovingPage() {
  const seconds = useElapsed();
  return (
    <PanelPage
      icon="move"
      title="Moving your workspace"
      heading="Your workspace is being moved to another place"
    >
      <p aria-live="polite">
        {seconds < longMove
          ? "This takes a minute or two. Nothing is lost: your messages, contacts and files move with it. This page goes on by itself as soon as it is there."
          : "This takes longer than usual, but nothing is lost. You can close this page and come back later; while it is open, it goes on by itself."}
      </p>
      <Spinner label="Moving" />
    </PanelPage>
  );
}
