import { Notice } from "../ui/Notice";
import { inSeconds } from "../ui/time";
import { type SliceRestart, useSliceRestart } from "./useSliceRestart";

interface ButtonProps {
  restart: SliceRestart;
  label: string;
  quiet?: boolean;
}

/** The button alone, with why it was refused. */
export function RestartSliceButton({ restart, label, quiet = false }: ButtonProps) {
  const { busy, held, problem, run } = restart;
  return (
    <>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <button
        type="button"
        className={quiet ? "button button-quiet" : "button"}
        aria-disabled={busy || held > 0}
        onClick={run}
      >
        {held > 0 ? `Try again in ${inSeconds(held)}` : busy ? "One moment…" : label}
      </button>
    </>
  );
}

/** For pages that wait for a slice which does not answer. */
export function RestartSilentSlice() {
  const restart = useSliceRestart();
  if (restart.asked) return <p role="status">It is being restarted, and this page goes on by itself.</p>;
  return <RestartSliceButton restart={restart} label="Restart the workspace" quiet />;
}
