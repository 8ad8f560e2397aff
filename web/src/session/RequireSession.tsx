import type { ReactNode } from "react";
import { Redirect } from "wouter";
import { loginPath } from "./nextPath";
import { useSession } from "./SessionProvider";
import { UnknownSessionPage } from "./UnknownSessionPage";

/** Shows the pages below it to somebody who is logged in. */
export function RequireSession({ children }: { children: ReactNode }) {
  const { session } = useSession();
  if (session.kind === "unknown") return <UnknownSessionPage failed={session.failed} />;
  if (session.kind === "signedOut") {
    const { pathname, search } = window.location;
    return <Redirect to={loginPath(pathname + search)} replace />;
  }
  return children;
}
