import { PanelPage } from "../layout/PanelPage";
import { Spinner } from "../ui/Spinner";

/** Shown while somebody's slice is being destroyed. */
export function DestroyingPage() {
  return (
    <PanelPage
      icon="trash"
      tone="warn"
      title="Deleting your workspace"
      heading="Your workspace is being deleted"
    >
      <p>Its messages, contacts and files are removed for good. This page says so when it is done.</p>
      <Spinner label="Deleting" />
    </PanelPage>
  );
}
