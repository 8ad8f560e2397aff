import type { ReactNode } from "react";
import { Redirect } from "wouter";
import { WorkspaceProvider } from "../workspace/WorkspaceProvider";
import { DeletedPage } from "./DeletedPage";
import { DestroyingPage } from "./DestroyingPage";
import { FailedPage } from "./FailedPage";
import { FullPage } from "./FullPage";
import { MovingPage } from "./MovingPage";
import { loginPath } from "./nextPath";
import { useSession } from "./SessionProvider";
import { SuspendedPage } from "./SuspendedPage";
import { UnknownSessionPage } from "./UnknownSessionPage";
import { WaitingPage } from "./WaitingPage";

/** Shows the pages below it to somebody who is logged in and has a slice that runs. */
export function RequireSession({ children }: { children: ReactNode }) {
  const { session } = useSession();

  if (session.kind === "unknown") return <UnknownSessionPage failed={session.failed} />;
  if (session.kind === "signedOut") {
    const { pathname, search } = window.location;
    return <Redirect to={loginPath(pathname + search)} replace />;
  }
  const { user, slice, waiting } = session.me;
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
