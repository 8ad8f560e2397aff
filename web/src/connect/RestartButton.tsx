import { useLocation } from "wouter";
import { Notice } from "../ui/Notice";
import { useAction } from "../ui/useAction";
import { useWorkspace } from "../workspace/WorkspaceProvider";

interface Props {
  label: string;
  quiet?: boolean;
}

/** Starts the linking over and goes to where its code will appear. */
export function RestartButton({ label, quiet = false }: Props) {
  const workspace = useWorkspace();
  const [path, navigate] = useLocation();
  const { busy, problem, run } = useAction(async () => {
    await workspace.restart();
    // Who came to connect again stays on the page that says so, as it shows the code too.
    if (!path.startsWith("/reconnect")) navigate("/connect/link");
  });
  return (
    <>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <button
        type="button"
        className={`button button-wide ${quiet ? "button-quiet" : ""}`}
        aria-disabled={busy}
        onClick={run}
      >
        {busy ? "One moment…" : label}
      </button>
    </>
  );
}
