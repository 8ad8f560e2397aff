import type { ReactNode } from "react";
import { Link } from "wouter";
import { useBilling } from "../billing/BillingProvider";
import { isTrial } from "../billing/standing";
import { PanelPage } from "../layout/PanelPage";
import { momentOf } from "../ui/time";
import { WriteToUs } from "../ui/WriteToUs";
import { useMe } from "./SessionProvider";

/** Shown to somebody whose slice is suspended: stopped, with its data kept. */
export function SuspendedPage() {
  const { why, what, act } = useReason();
  return (
    <PanelPage icon="lock" tone="warn" title="Workspace paused" heading="Your workspace is paused">
      {why && (
        <p>
          <strong>{why}</strong>
        </p>
      )}
      <p>Your messages and contacts are kept, but no new ones come in while it is paused.</p>
      {what}
      {act && (
        <Link href="/billing" className="button button-wide">
          {act}
        </Link>
      )}
    </PanelPage>
  );
}

interface Reason {
  /** In a sentence; null where somebody else paused it for a reason of theirs. */
  why: string | null;
  /** What follows, and what can be done. */
  what: ReactNode;
  /** What the button that leads to the page about it is called; null: that page has nothing to do with it. */
  act: string | null;
}

function useReason(): Reason {
  const { user, billing } = useMe();
  const { status } = useBilling();
  // The page about billing may not be known yet, or not be reached: the account alone tells the most of it.
  const { subscriptionStatus } = user;
  const ask = (
    <p>
      To have it running again, or to ask why it is paused, <WriteToUs />. This page goes on by itself once it
      runs.
    </p>
  );
  if (status?.held) {
    return { why: "A payment of yours is disputed.", what: ask, act: "See how it stands" };
  }
  if (subscriptionStatus === "cancelled") {
    const trial = status ? isTrial(status) : !billing.enabled;
    const when = status?.deleteAfter ? `On ${momentOf(status.deleteAfter)}` : "Soon";
    return {
      why: trial ? "Your trial is over." : "Nothing is paid for it any more.",
      what: (
        <p>
          {when} everything in it is destroyed, and your account with it.{" "}
          {billing.enabled ? (
            "Until then you can come back, and find everything as it was."
          ) : (
            <>
              To go on, <WriteToUs /> before then.
            </>
          )}
        </p>
      ),
      act: billing.enabled ? "Come back, or take a copy" : "Take a copy",
    };
  }
  if (subscriptionStatus === "past_due") {
    const trial = status ? isTrial(status) : !billing.enabled;
    if (!billing.enabled) return { why: "Your trial is over.", what: ask, act: "Take a copy" };
    return {
      why: trial ? "Your trial is over." : "Your last payment did not go through.",
      what: (
        <p>{trial ? "Subscribe" : "Pay"}, and it goes on from where it was. This page follows by itself.</p>
      ),
      act: trial ? "Subscribe" : "See to the payment",
    };
  }
  return { why: null, what: ask, act: null };
}
