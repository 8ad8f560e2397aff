// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { BillingStatus } from "../api/billing";
import { bill } from "../appInTest";
import { dateOf, momentOf } from "../ui/time";
import { newsOf } from "./BillingBanner";
import { hundredths, monthly, priceNow, times } from "./money";
import { offersOf, standingOf } from "./standing";

const now = Date.parse("2026-12-01T12:00:00Z");
const at = (days: number) => new Date(now + days * 86_400_000).toISOString();
const never: Partial<BillingStatus> = { paidUntil: null, discounted: false, customer: false };
const paid: Partial<BillingStatus> = { paidUntil: at(20) };

/** How it stands; what is said of it, what can be done about it, and what every page says of it. */
const cases: [string, Partial<BillingStatus>, (string | RegExp)[], string[], string | null][] = [
  [
    "a trial",
    { ...never, status: "trial", trialEndsAt: at(9) },
    ["9 days left in your trial", /no card/, dateOf(at(9)), /subscribe/],
    ["subscribe"],
    null,
  ],
  [
    "a trial that ends soon",
    { ...never, status: "trial", trialEndsAt: at(3) },
    ["3 days left in your trial"],
    ["subscribe"],
    "Your trial ends in 3 days.",
  ],
  [
    "the last day of a trial",
    { ...never, status: "trial", trialEndsAt: at(0.4) },
    ["Last day of your trial"],
    ["subscribe"],
    "This is the last day of your trial.",
  ],
  [
    "a trial that has not begun",
    { ...never, status: "trial" },
    [/begins with your workspace/],
    ["subscribe"],
    null,
  ],
  [
    "a trial where nothing can be paid",
    { ...never, enabled: false, status: "trial", trialEndsAt: at(2) },
    [/Nothing can be paid here yet/, /write to us/],
    [],
    "Your trial ends in 2 days.",
  ],
  [
    "a trial that is over",
    { ...never, status: "past_due", graceEndsAt: at(5) },
    ["Your trial is over", momentOf(at(5)), /Subscribe before then/, /your account with it/],
    ["subscribe"],
    "Your trial is over.",
  ],
  [
    "a trial that is over where nothing can be paid",
    { ...never, enabled: false, status: "past_due", graceEndsAt: at(5) },
    ["Your trial is over", /write to us before then/],
    [],
    "Your trial is over.",
  ],
  ["not paid yet", { ...never, status: "unpaid" }, ["Not paid yet"], ["subscribe"], null],
  ["paid", paid, ["Active", `The next payment of $4.50 is taken on ${dateOf(at(20))}.`], ["cancel"], null],
  [
    "cancelled to the end",
    { ...paid, endsAt: at(20) },
    ["Your subscription is cancelled", momentOf(at(20)), /nothing more is charged/, /your account with it/],
    ["reactivate"],
    `Your subscription ends on ${dateOf(at(20))}.`,
  ],
  [
    "a failed payment",
    { ...paid, status: "past_due", graceEndsAt: at(4) },
    ["Your payment did not go through", momentOf(at(4)), /card/],
    ["cancel"],
    "Your payment did not go through.",
  ],
  [
    "a failed payment whose time is over",
    { ...paid, status: "past_due", graceEndsAt: at(-1) },
    ["Paused, as a payment is missing", /data is kept/, /once the payment works/],
    ["cancel"],
    null,
  ],
  [
    "a payment to be confirmed",
    { ...paid, status: "past_due", graceEndsAt: at(4), confirm: "https://pay.example.com" },
    ["Confirm your payment", /Nothing has failed/, momentOf(at(4))],
    ["cancel"],
    "Confirm your payment:",
  ],
  [
    "a payment that was not confirmed in time",
    { ...paid, status: "past_due", graceEndsAt: at(-1), confirm: "https://pay.example.com" },
    ["Confirm your payment", /your workspace is paused/],
    ["cancel"],
    null,
  ],
  [
    "ended",
    { paidUntil: null, status: "cancelled", deleteAfter: at(6) },
    ["Nothing is paid for any more", momentOf(at(6)), /your account with it/, /come back/],
    ["comeBack"],
    null,
  ],
  [
    "ended as a trial",
    { ...never, status: "cancelled", deleteAfter: at(6) },
    ["Your trial is over", momentOf(at(6)), /come back/],
    ["comeBack"],
    null,
  ],
  [
    "ended where nothing can be paid",
    { ...never, enabled: false, status: "cancelled", deleteAfter: at(6) },
    ["Your trial is over", /write to us before then/],
    [],
    null,
  ],
  [
    "disputed",
    { ...paid, held: true },
    ["A payment is disputed", /stopped until that is settled/, /data is kept/],
    [],
    null,
  ],
  ["disputed, and ended", { ...paid, held: true, status: "cancelled" }, ["A payment is disputed"], [], null],
];

describe.each(cases)("%s", (_, more, said, offers, news) => {
  const status: BillingStatus = { ...bill, ...more };
  it("says where the account stands and what can be done about it", () => {
    const { title, text } = standingOf(status, now);
    for (const words of said)
      expect(`${title}: ${text}`).toMatch(words instanceof RegExp ? words : literally(words));
    expect(offersOf(status)).toEqual(offers);
    // Where nothing can be paid, nobody is asked to.
    if (!status.enabled) expect(text).not.toMatch(/[Ss]ubscribe|card/);
  });

  it("says on every page what cannot wait, and no more", () => {
    expect(newsOf(status, now)?.title ?? null).toBe(news);
  });
});

function literally(words: string): RegExp {
  return new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}

it("reckons in hundredths", () => {
  expect(["9.00", "4.5", "12", "0.50"].map(hundredths)).toEqual([900, 450, 1200, 50]);
  expect([times("$", "0.50", 0), times("$", "0.10", 3), times("€", "2.25", 7)]).toEqual([
    "$0.00",
    "$0.30",
    "€15.75",
  ]);
});

it("knows what a month costs, and what it costs whoever comes now", () => {
  const more = (extraGB: number, pricePerGB: string | null = "0.50") => ({
    ...bill.storage,
    extraGB,
    pricePerGB,
  });
  expect(monthly(bill)).toBe("$4.50");
  expect(monthly({ ...bill, discounted: false })).toBe("$9.00");
  expect(monthly({ ...bill, storage: more(3) })).toBe("$6.00");
  expect(monthly({ ...bill, discounted: true, launchPrice: null })).toBeNull();
  expect(monthly({ ...bill, storage: more(3, null) })).toBeNull();
  expect([priceNow(bill), priceNow({ ...bill, launchPrice: null })]).toEqual(["$4.50", "$9.00"]);
});
