import { useRef, useState } from "react";
import { type BillingStatus, billing, portalPath } from "../api/billing";
import { useSeenBy } from "../sight/useSeenBy";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { useNow } from "../ui/useNow";
import { WriteToUs } from "../ui/WriteToUs";
import { CancelForm } from "./CancelForm";
import { times } from "./money";
import { PriceLine } from "./PriceLine";
import { isSubscribed, isTrial, offersOf, standingOf } from "./standing";
import { useChange } from "./useChange";
import { useCheckout } from "./useCheckout";

/** What the plan costs, where the account stands, and what can be done about it. */
export function PlanCard({ status }: { status: BillingStatus }) {
  const seenBy = useSeenBy();
  const now = useNow(30_000);
  const { tone, title, text } = standingOf(status, now);
  const { extraGB, pricePerGB } = status.storage;
  return (
    <section className="card data-card" aria-labelledby="plan">
      <h2 id="plan">Your plan</h2>
      {status.enabled && <PriceLine status={status} />}
      {extraGB > 0 && pricePerGB && isSubscribed(status) && (
        <p>
          and {times(status.currency, pricePerGB, extraGB)} for {extraGB} GB more storage
        </p>
      )}
      <div className={`standing standing-${tone}`} role="status">
        <strong>{title}</strong>
        <p>{text}</p>
      </div>
      {!status.enabled && (
        <Notice kind="info">This installation takes no payments: there are trials alone.</Notice>
      )}
      {(status.held || !status.enabled) && (
        <p>
          For anything about it, <WriteToUs />.
        </p>
      )}
      {seenBy ? <p className="field-hint">Payment is the owner’s alone.</p> : <Acts status={status} />}
    </section>
  );
}

function Acts({ status }: { status: BillingStatus }) {
  const offers = offersOf(status);
  const [cancelling, setCancelling] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const checkout = useCheckout();
  const back = useChange(billing.reactivate);
  const close = () => {
    setCancelling(false);
    button.current?.focus();
  };
  const subscribes = offers.includes("subscribe") || offers.includes("comeBack");
  const owes = status.status === "past_due" && !isTrial(status) && !status.confirm;
  const problem = checkout.problem ?? back.problem;

  return (
    <>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <div className="form-acts">
        {status.confirm && (
          <a className="button" href={status.confirm}>
            Confirm the payment
          </a>
        )}
        {subscribes && (
          <button type="button" className="button" aria-disabled={checkout.busy} onClick={checkout.run}>
            {checkout.busy ? "Going to Stripe…" : offers.includes("comeBack") ? "Reactivate" : "Subscribe"}
          </button>
        )}
        {offers.includes("reactivate") && (
          <button type="button" className="button" aria-disabled={back.busy} onClick={back.run}>
            {back.busy ? "One moment…" : "Reactivate"}
          </button>
        )}
        {status.enabled && status.customer && (
          <a className={owes ? "button" : "button button-quiet"} href={portalPath}>
            <Icon name="card" />
            {owes ? "Pay, or change the card" : "Card and invoices at Stripe"}
          </a>
        )}
      </div>
      {offers.includes("cancel") && (
        <>
          <button
            type="button"
            ref={button}
            className="text-button"
            aria-expanded={cancelling}
            aria-controls="cancel-subscription"
            onClick={() => setCancelling(!cancelling)}
          >
            Cancel the subscription
          </button>
          <div id="cancel-subscription" className="disclosed" hidden={!cancelling}>
            {cancelling && <CancelForm status={status} onClose={close} />}
          </div>
        </>
      )}
    </>
  );
}
