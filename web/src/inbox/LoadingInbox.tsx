import { RestartSilentSlice } from "../session/RestartSlice";
import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { useStuck } from "../workspace/useStuck";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";

/** Shown until the slice has answered for the first time. */
export function LoadingInbox() {
  const workspace = useWorkspace();
  const trouble = useWorkspaceState((state) => state.trouble);
  const isStuck = useStuck();
  if (!trouble) {
    return (
      <div className="page-centre">
        <Spinner label="Opening your inbox" />
      </div>
    );
  }
  return (
    <div className="page-centre">
      <section className="card panel" role="alert">
        <PageHeading title="Restarting">
          {trouble === "restarting" ? "Your workspace is restarting" : "We can’t be reached"}
        </PageHeading>
        <p>
          {trouble === "restarting"
            ? "This mostly takes less than a minute. Nothing is lost, and your inbox opens here by itself."
            : "Check your network. This page goes on trying by itself."}
        </p>
        <button type="button" className="button" onClick={workspace.refetch}>
          Try now
        </button>
        {isStuck && <RestartSilentSlice />}
      </section>
    </div>
  );
}
