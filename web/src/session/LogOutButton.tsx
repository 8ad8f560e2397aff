import { Notice } from "../ui/Notice";
import { useLogOut } from "./SessionProvider";

/** The way out, on pages where there is little else to do. */
export function LogOutButton() {
  const { busy, problem, run } = useLogOut();
  return (
    <>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <button type="button" className="button button-quiet" aria-disabled={busy} onClick={run}>
        {busy ? "Logging out…" : "Log out"}
      </button>
    </>
  );
}
