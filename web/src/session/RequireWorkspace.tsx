import type { ReactNode } from "react";
import { UnpaidPage } from "../billing/UnpaidPage";
import { WorkspaceProvider } from "../workspace/WorkspaceProvider";
import { DeletedPage } from "./DeletedPage";
import { DestroyingPage } from "./DestroyingPage";
import { FailedPage } from "./FailedPage";
import { FullPage } from "./FullPage";
import { MovingPage } from "./MovingPage";
import { RequireSession } from "./RequireSession";
import { useMe } from "./SessionProvider";
import { SuspendedPage } from "./SuspendedPage";
import { WaitingPage } from "./WaitingPage";

/** Shows the pages below it to somebody who is logged in and has a slice that runs. */
export function RequireWorkspace({ children }: { children: ReactNode }) {
  return (
    <RequireSession>
      <ForSlice>{children}</ForSlice>
    </RequireSession>
  );
}

function ForSlice({ children }: { children: ReactNode }) {
  const { user, slice, waiting } = useMe();
  if (!slice && user.subscriptionStatus === "unpaid") return <UnpaidPage />;
  if (!slice) {
    if (!waiting) return <DeletedPage />;
    return waiting.full ? <FullPage position={waiting.position} /> : <WaitingPage since={waiting.since} />;
  }
  if (slice.moving) return <MovingPage />;
  if (slice.status === "destroying") return <DestroyingPage />;
  if (slice.status === "suspended") return <SuspendedPage />;
  if (slice.status === "failed") return <FailedPage />;
  return (
    <WorkspaceProvider key={`${user.id}-${slice.id}`} userId={user.id}>
      {children}
    </WorkspaceProvider>
  );
}
