import type { SeenBy } from "../api/gateway";
import { useSession } from "../session/SessionProvider";

/** How an operator sees this account; null: it is its owner who is here. */
export function useSeenBy(): SeenBy | null {
  const { session } = useSession();
  return session.kind === "signedIn" ? session.me.seenBy : null;
}

/** False for an operator to whom the owner has not allowed more than looking. */
export function useMayChange(): boolean {
  return useSeenBy()?.mayChange ?? true;
}
