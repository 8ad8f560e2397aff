import { PanelPage } from "../layout/PanelPage";
import { WriteToUs } from "../ui/WriteToUs";

/** Shown to somebody whose slice is suspended: stopped, with its data kept. */
export function SuspendedPage() {
  return (
    <PanelPage icon="lock" tone="warn" title="Workspace paused" heading="Your workspace is paused">
      <p>Your messages and contacts are kept, but no new ones come in while it is paused.</p>
      <p>
        To have it running again, or to ask why it is paused, <WriteToUs />. This page goes on by itself once
        it runs.
      </p>
    </PanelPage>
  );
}
