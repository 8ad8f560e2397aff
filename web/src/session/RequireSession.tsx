import type { ReactNode } from "react";
import { Redirect } from "wouter";
import { WorkspaceProvider } from "../workspace/WorkspaceProvider";
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
  const { user, slice, waitingSince } = session.me;
  if (!slice) return <WaitingPage since={waitingSince} />;
  if (slice.status === "suspended") return <SuspendedPage />;
  return (
    <WorkspaceProvider key={`${user.id}-${slice.id}`} userId={user.id}>
      {children}
    </WorkspaceProvider>
  );
}
