import { useState } from "react";
import { useLocation } from "wouter";
import { Notice } from "../ui/Notice";

const reasons = new Map([
  [
    "none",
    "Stripe has no payments of this account, so there is nothing to be changed there. Subscribe first.",
  ],
  ["later", "Stripe's page cannot be opened at the moment. Nothing has changed; try again in a minute."],
]);

/** Why the link to Stripe's page led back here, which `?portal=` says. A reload does not say it again. */
export function PortalRefused() {
  const [, navigate] = useLocation();
  const [reason] = useState(() => {
    const why = new URLSearchParams(window.location.search).get("portal");
    if (why !== null) queueMicrotask(() => navigate("/billing", { replace: true }));
    return reasons.get(why ?? "");
  });
  if (!reason) return null;
  return (
    <Notice kind="bad" announced>
      {reason}
    </Notice>
  );
}
