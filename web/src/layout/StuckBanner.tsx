import { useSliceRestart } from "../session/useSliceRestart";
import { inSeconds } from "../ui/time";
import { useStuck } from "../workspace/useStuck";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";

/** Offers a restart over pages that show what they have while the slice does not answer. */
export function StuckBanner() {
  const isStuck = useStuck();
  // Pages that have nothing to show yet offer it themselves.
  const hasSomething = useWorkspaceState(({ chats }) => chats !== null);
  if (!isStuck || !hasSomething) return null;
  return <Offer />;
}

function Offer() {
  const { busy, asked, problem, held, run } = useSliceRestart();
  return (
    <p className="banner" role="status">
      {asked ? (
        "Your workspace is being restarted. This page goes on by itself."
      ) : (
        <>
          <strong>Your workspace does not answer.</strong> {problem ?? "It is tried again and again."}{" "}
          <button type="button" className="text-button" aria-disabled={busy || held > 0} onClick={run}>
            {held > 0 ? `Try again in ${inSeconds(held)}` : busy ? "One moment…" : "Restart it"}
          </button>
        </>
      )}
    </p>
  );
}
