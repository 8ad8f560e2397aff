import type { BillingStatus } from "../api/billing";
import { priced } from "./money";
import { isSubscribed } from "./standing";

/** What a month costs: what they pay, or would pay now, with the full price beside a lower one. */
export function PriceLine({ status }: { status: BillingStatus }) {
  const { currency, price, launchPrice, discounted } = status;
  const lower = isSubscribed(status) && !discounted ? null : launchPrice;
  return (
    <p className="price-line">
      <strong>{priced(currency, lower ?? price)}</strong> a month
      {lower && (
        <span className="price-full">
          launch price, instead of <s>{priced(currency, price)}</s>
        </span>
      )}
    </p>
  );
}
