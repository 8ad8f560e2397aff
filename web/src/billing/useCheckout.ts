import { useEffect, useState } from "react";
import { billing } from "../api/billing";
import { ApiFailure } from "../api/http";
import { useSession } from "../session/SessionProvider";
import { useAction } from "../ui/useAction";
import { useBilling } from "./BillingProvider";

/** Leads to the page at Stripe where one subscribes, with the sentence to show when that was refused. */
export function useCheckout() {
  const { changed } = useSession();
  const { refresh } = useBilling();
  const [leaving, setLeaving] = useState(false);

  // The browser may show the page again as it was left, when somebody comes back from there.
  useEffect(() => {
    const shown = (event: PageTransitionEvent) => {
      if (event.persisted) setLeaving(false);
    };
    window.addEventListener("pageshow", shown);
    return () => window.removeEventListener("pageshow", shown);
  }, []);

  const { busy, problem, run } = useAction(async () => {
    try {
      const { url } = await billing.createCheckout();
      setLeaving(true);
      window.location.assign(url);
    } catch (error) {
      // No place is free, and they wait in line now; or they have subscribed already.
      if (error instanceof ApiFailure && error.status === 409) await Promise.all([changed(), refresh()]);
      throw error;
    }
  });
  return { busy: busy || leaving, problem, run: async () => (leaving ? undefined : await run()) };
}
