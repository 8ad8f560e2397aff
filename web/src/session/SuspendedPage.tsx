import { SignedInLayout } from "../layout/SignedInLayout";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { useSession } from "./SessionProvider";

/** Shown to somebody whose slice is suspended: stopped, with its data kept. */
export function SuspendedPage() {
  const { refresh } = useSession();
  return (
    <SignedInLayout>
      <section className="card panel">
        <span className="panel-icon panel-icon-warn">
          <Icon name="lock" />
        </span>
        <PageHeading title="Workspace paused">Your workspace is paused</PageHeading>
        <p>
          The subscription is not paid at the moment. Your messages and contacts are kept, but no new ones
          arrive until it is.
        </p>
        <button type="button" className="button" onClick={() => void refresh()}>
          Check again
        </button>
      </section>
    </SignedInLayout>
  );
}
