import { PanelPage } from "../layout/PanelPage";
import { WriteToUs } from "../ui/WriteToUs";
import { LogOutButton } from "./LogOutButton";

/** Shown to somebody whose slice was destroyed, by their own wish or by the operator. */
export function DeletedPage() {
  return (
    <PanelPage icon="trash" tone="warn" title="Workspace deleted" heading="Your workspace has been deleted">
      <p>Its messages, contacts and files are gone for good. What is on your phone stays there.</p>
      <p>
        In WhatsApp on your phone, under <strong>Linked devices</strong>, you can remove its entry if there
        still is one.
      </p>
      <p>
        If you did not expect this, or want to begin anew, <WriteToUs />.
      </p>
      <LogOutButton />
    </PanelPage>
  );
}
