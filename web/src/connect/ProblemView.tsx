import { useState } from "react";
import { Link } from "wouter";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { useAction } from "../ui/useAction";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";
import { problemOf } from "./problems";
import { RestartButton } from "./RestartButton";

/** What went wrong with the connection, and what the person can do. */
export function ProblemView() {
  const status = useWorkspaceState((state) => state.status);
  const hasChats = useWorkspaceState(({ chats }) => chats !== null && chats.length > 0);
  const said = status && problemOf(status);
  if (!said) return null;
  const { snapshotAt, state, reason } = status;
  const damaged = state === "failed" || (state === "logged_out" && reason === "link_lost");
  return (
    <div className="centred" key={`${state} ${reason}`}>
      <span className="panel-icon panel-icon-bad">
        <Icon name="unplugged" />
      </span>
      <PageHeading title={said.heading}>{said.heading}</PageHeading>
      <p>{said.text}</p>
      {said.warning && (
        <p>
          <strong>{said.warning}</strong>
        </p>
      )}
      <RestartButton label={said.act} />
      {damaged && snapshotAt && <RestoreButton at={snapshotAt} />}
      {hasChats && (
        <Link href="/" className="button button-quiet button-wide">
          Go to the inbox
        </Link>
      )}
    </div>
  );
}

/** The last resort: an older copy of the link. */
function RestoreButton({ at }: { at: string }) {
  const workspace = useWorkspace();
  const [asked, setAsked] = useState(false);
  const { busy, problem, run } = useAction(() => workspace.restore());
  const day = new Date(at).toLocaleDateString(undefined, { dateStyle: "long" });
  return (
    <>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      {asked ? (
        <>
          <p>
            The link goes back to how it was on {day}. Messages that came in since may stay unreadable. Try
            this only if linking again does not help.
          </p>
          <button type="button" className="button button-wide" aria-disabled={busy} onClick={run}>
            Put the copy of {day} back
          </button>
        </>
      ) : (
        <button type="button" className="text-button" onClick={() => setAsked(true)}>
          As a last resort: restore the link of {day}
        </button>
      )}
    </>
  );
}
