import { PanelPage } from "../layout/PanelPage";
import { FullPage } from "../session/FullPage";
import { useMe } from "../session/SessionProvider";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { Spinner } from "../ui/Spinner";
import { useBilling } from "./BillingProvider";
import { PriceLine } from "./PriceLine";
import { useCheckout } from "./useCheckout";

/** Shown to somebody who has registered where payment comes first: the way to Checkout, or the waiting list. */
export function UnpaidPage() {
  const { waiting } = useMe();
  return waiting?.full ? <FullPage position={waiting.position} /> : <PayFirstPage />;
}

const facts = [
  "You pay by card, on a page of Stripe. The number of your card never reaches us.",
  "Then you come back here by yourself, and link your phone by a code.",
  "You can cancel at any time. Everything then works to the end of what you have paid for.",
];

function PayFirstPage() {
  const { status, failed } = useBilling();
  const { busy, problem, run } = useCheckout();
  return (
    <PanelPage icon="card" title="Payment" heading="One more step to your workspace">
      {status ? (
        <PriceLine status={status} />
      ) : failed ? (
        <Notice kind="bad" announced>
          The price cannot be shown at the moment. This page goes on trying by itself.
        </Notice>
      ) : (
        <Spinner label="Loading" />
      )}
      <ul className="facts">
        {facts.map((fact) => (
          <li key={fact}>
            <Icon name="check" />
            <span>{fact}</span>
          </li>
        ))}
      </ul>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <button
        type="button"
        className="button button-wide"
        aria-disabled={busy || !status}
        onClick={() => status && void run()}
      >
        {busy ? "Going to Stripe…" : "Continue to payment"}
      </button>
    </PanelPage>
  );
}
