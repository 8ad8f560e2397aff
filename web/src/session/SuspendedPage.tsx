import type { User } from "../api/gateway";
import { PanelPage } from "../layout/PanelPage";
import { daysUntil } from "../ui/time";
import { useNow } from "../ui/useNow";
import { WriteToUs } from "../ui/WriteToUs";
import { useMe } from "./SessionProvider";

/** Shown to somebody whose slice is suspended: stopped, with its data kept. */
export function SuspendedPage() {
  const { user } = useMe();
  const now = useNow(60_000);
  const why = whyPaused(user, now);
  return (
    <PanelPage icon="lock" tone="warn" title="Workspace paused" heading="Your workspace is paused">
      {why && (
        <p>
          <strong>{why}</strong>
        </p>
      )}
      <p>Your messages and contacts are kept, but no new ones come in while it is paused.</p>
      <p>
        To have it running again, or to ask why it is paused, <WriteToUs />. This page goes on by itself once
        it runs.
      </p>
    </PanelPage>
  );
}

/** What the account tells of it; null where somebody else paused it for a reason of theirs. */
function whyPaused({ subscriptionStatus, trialEndsAt }: User, now: number): string | null {
  switch (subscriptionStatus) {
    case "past_due":
      return "Your last payment did not go through.";
    case "cancelled":
      return "Your subscription has been cancelled.";
    case "trial":
      return trialEndsAt && daysUntil(trialEndsAt, now) === 0 ? "Your trial has ended." : null;
    case "active":
      return null;
  }
}
