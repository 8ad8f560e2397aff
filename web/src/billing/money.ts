import type { BillingStatus } from "../api/billing";

/** An amount such as "4.50" or "9" in hundredths. */
export function hundredths(amount: string): number {
  const [whole = "0", part = ""] = amount.split(".");
  return Number(whole) * 100 + Number(part.padEnd(2, "0").slice(0, 2));
}

/** "$4.50"; an amount without hundredths stays so: "$9". */
export function priced(currency: string, amount: string): string {
  return `${currency}${amount}`;
}

/** "$1.50" for three times "0.50". */
export function times(currency: string, amount: string, count: number): string {
  return `${currency}${((hundredths(amount) * count) / 100).toFixed(2)}`;
}

/** What a month costs somebody who subscribes now. */
export function priceNow({ currency, price, launchPrice }: BillingStatus): string {
  return priced(currency, launchPrice ?? price);
}

/** What their next month costs, with what storage they have bought; null where a discount is not known. */
export function monthly({ currency, price, launchPrice, discounted, storage }: BillingStatus): string | null {
  const own = discounted ? launchPrice : price;
  if (own === null || (storage.extraGB > 0 && storage.pricePerGB === null)) return null;
  const more = storage.extraGB * hundredths(storage.pricePerGB ?? "0");
  return more === 0 ? priced(currency, own) : `${currency}${((hundredths(own) + more) / 100).toFixed(2)}`;
}
