import type { BillingStatus } from "../api/billing";
import { useSession } from "../session/SessionProvider";
import { useAction } from "../ui/useAction";
import { useBilling } from "./BillingProvider";

/** A change of what is paid, by a button. `done` is called once it is made. */
export function useChange(change: () => Promise<BillingStatus>, done?: () => void) {
  const { take } = useBilling();
  const { changed } = useSession();
  return useAction(async () => {
    take(await change());
    done?.();
    await changed();
  });
}
