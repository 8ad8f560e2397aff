import { Link } from "wouter";
import { SignedInLayout } from "../layout/SignedInLayout";
import { useMe } from "../session/SessionProvider";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { WriteToUs } from "../ui/WriteToUs";
import { useBilling } from "./BillingProvider";
import { ExportsCard } from "./ExportsCard";
import { InvoicesCard } from "./InvoicesCard";
import { PlanCard } from "./PlanCard";
import { PortalRefused } from "./PortalRefused";
import { StorageCard } from "./StorageCard";
import { UnpaidPage } from "./UnpaidPage";

/** What is paid and what it costs, copies, and the end of it. It needs no slice that runs. */
export function BillingPage() {
  const { user } = useMe();
  if (user.subscriptionStatus === "unpaid") return <UnpaidPage />;
  return (
    <SignedInLayout>
      <div className="data-page">
        <PageHeading title="Billing">Billing</PageHeading>
        <PortalRefused />
        <Cards />
      </div>
    </SignedInLayout>
  );
}

function Cards() {
  const { status, failed, refresh } = useBilling();
  if (!status) {
    if (!failed) return <Spinner label="Loading" />;
    return (
      <>
        <Notice kind="bad" announced>
          It cannot be said at the moment how your account stands. Nothing is lost, and this page goes on
          trying by itself.
        </Notice>
        <p>
          <button type="button" className="button button-quiet" onClick={() => void refresh()}>
            Try now
          </button>
        </p>
      </>
    );
  }
  const hasSlice = status.slice === "assigned";
  return (
    <>
      <PlanCard status={status} />
      <StorageCard status={status} />
      <ExportsCard status={status} />
      {status.enabled && status.customer && <InvoicesCard paid={`${status.status} ${status.paidUntil}`} />}
      <section className="card data-card" aria-labelledby="destroy">
        <h2 id="destroy">Delete everything</h2>
        {hasSlice ? (
          <p>
            All messages, contacts and files can be destroyed at once, under{" "}
            <Link href="/data">Your data</Link>. That does not cancel a subscription.
          </p>
        ) : (
          <p>
            To have your data destroyed sooner than it is by itself, or your account deleted, <WriteToUs />.
          </p>
        )}
      </section>
    </>
  );
}
