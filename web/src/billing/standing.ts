import type { BillingStatus } from "../api/billing";
import { dateOf, daysUntil, momentOf, spanOf } from "../ui/time";
import { monthly } from "./money";

/** Where an account stands, in words. */
export interface Standing {
  tone: "good" | "warn" | "bad";
  /** In a few words. */
  title: string;
  /** What follows, and what to do about it. */
  text: string;
}

/** What becomes of an account, so that everybody says it the same way. */
const destroyed = "everything in it is destroyed, and your account with it";

/** Somebody who has not subscribed: what is due of them is no payment, but a decision. */
export function isTrial({ status, paidUntil, customer }: BillingStatus): boolean {
  // Once it has ended, nothing is left of a subscription but its invoices at Stripe.
  return status === "cancelled" ? !customer : paidUntil === null;
}

/** Has a subscription that has not ended, whether it is paid or not. */
export function isSubscribed(bill: BillingStatus): boolean {
  return bill.status === "active" || (bill.status === "past_due" && !isTrial(bill));
}

/** The time that was left to pay has passed, and the workspace is stopped until it is paid. */
export function isStopped({ status, graceEndsAt }: BillingStatus, now: number): boolean {
  return status === "past_due" && graceEndsAt !== null && Date.parse(graceEndsAt) <= now;
}

/** What can be done about it here. */
export type Offer = "subscribe" | "comeBack" | "reactivate" | "cancel";

export function offersOf(status: BillingStatus): Offer[] {
  if (!status.enabled || status.held) return [];
  switch (status.status) {
    case "trial":
    case "unpaid":
      return ["subscribe"];
    case "cancelled":
      return ["comeBack"];
    case "past_due":
      return isTrial(status) ? ["subscribe"] : ["cancel"];
    case "active":
      return status.endsAt ? ["reactivate"] : ["cancel"];
  }
}

export function standingOf(status: BillingStatus, now: number): Standing {
  if (status.held) {
    return {
      tone: "bad",
      title: "A payment is disputed",
      text: "A payment of yours was disputed, or reported as one that its owner did not make. Your workspace is stopped until that is settled; your data is kept.",
    };
  }
  if (status.status === "cancelled") return cancelled(status);
  if (status.confirm) {
    return {
      tone: "warn",
      title: "Confirm your payment",
      text: `Your bank asks you to confirm the payment. Nothing has failed, but until you confirm it, it is not made${beforeThen(status, now)}.`,
    };
  }
  switch (status.status) {
    case "trial":
      return trial(status, now);
    case "unpaid":
      return {
        tone: "warn",
        title: "Not paid yet",
        text: "Your workspace is set up as soon as your first payment is made.",
      };
    case "past_due":
      return isTrial(status) ? trialOver(status, now) : paymentFailed(status, now);
    case "active":
      return active(status);
  }
}

function beforeThen(status: BillingStatus, now: number): string {
  if (isStopped(status, now)) return ", and your workspace is paused";
  return status.graceEndsAt ? `: everything goes on until ${momentOf(status.graceEndsAt)}` : "";
}

function trial({ enabled, trialEndsAt }: BillingStatus, now: number): Standing {
  if (!trialEndsAt) {
    return {
      tone: "good",
      title: "Trial",
      text: "Your trial begins with your workspace: it does not run out while you wait.",
    };
  }
  const days = daysUntil(trialEndsAt, now);
  const title = days <= 1 ? "Last day of your trial" : `${days} days left in your trial`;
  return {
    tone: days <= 3 ? "warn" : "good",
    title,
    text: enabled
      ? `It ends on ${dateOf(trialEndsAt)}. You have given no card, so nothing is charged by itself: to go on, subscribe. You are not held to it, and can cancel at any time.`
      : `It ends on ${dateOf(trialEndsAt)}. Nothing can be paid here yet: to go on after that, write to us.`,
  };
}

function trialOver({ enabled, graceEndsAt, retention }: BillingStatus, now: number): Standing {
  const left = graceEndsAt && Date.parse(graceEndsAt) > now;
  return {
    tone: "bad",
    title: "Your trial is over",
    text: left
      ? `Everything goes on until ${momentOf(graceEndsAt)}. ${enabled ? "Subscribe" : "Nothing can be paid here yet: write to us"} before then; otherwise your workspace is stopped, and ${spanOf(retention)} later ${destroyed}.`
      : `Your workspace is stopped. ${enabled ? "Subscribe" : "Nothing can be paid here yet: write to us"} to have it running again; otherwise, ${spanOf(retention)} later, ${destroyed}.`,
  };
}

function paymentFailed(status: BillingStatus, now: number): Standing {
  if (isStopped(status, now)) {
    return {
      tone: "bad",
      title: "Paused, as a payment is missing",
      text: "Your data is kept, and no new messages come in. Pay the open invoice, or use another card: once the payment works, your workspace goes on from where it was.",
    };
  }
  return {
    tone: "bad",
    title: "Your payment did not go through",
    text: status.graceEndsAt
      ? `Everything goes on until ${momentOf(status.graceEndsAt)}. Look at your card before then, or use another one; otherwise your workspace is paused until it is paid.`
      : "Look at your card, or use another one; otherwise your workspace is paused until it is paid.",
  };
}

function active(status: BillingStatus): Standing {
  if (status.endsAt) {
    return {
      tone: "warn",
      title: "Your subscription is cancelled",
      text: `Everything works until ${momentOf(status.endsAt)}, and nothing more is charged. Then your workspace is stopped, and ${spanOf(status.retention)} later ${destroyed}. Until it has ended you can take that back.`,
    };
  }
  const amount = monthly(status);
  const next = status.paidUntil && `on ${dateOf(status.paidUntil)}`;
  return {
    tone: "good",
    title: "Active",
    text: next ? `The next payment${amount ? ` of ${amount}` : ""} is taken ${next}.` : "Thank you.",
  };
}

function cancelled(status: BillingStatus): Standing {
  const when = status.deleteAfter ? `On ${momentOf(status.deleteAfter)}` : "Soon";
  const back = status.enabled
    ? "Until then you can come back, and find everything as it was."
    : "Nothing can be paid here yet: if you want to go on, write to us before then.";
  return {
    tone: "bad",
    title: isTrial(status) ? "Your trial is over" : "Nothing is paid for any more",
    text: `Your workspace is stopped, and its data is kept. ${when} ${destroyed}. ${back}`,
  };
}
