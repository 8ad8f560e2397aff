import { useEffect, useId, useRef, useState } from "react";
import { Link } from "wouter";
import type { BillingStatus } from "../api/billing";
import type { Me } from "../api/gateway";
import { useBilling } from "../billing/BillingProvider";
import { isTrial } from "../billing/standing";
import { useLogOut, useMe } from "../session/SessionProvider";
import { Address } from "../ui/Address";
import { Icon } from "../ui/Icon";
import { dateOf, daysUntil } from "../ui/time";
import { useNow } from "../ui/useNow";

/** Who is logged in, how their subscription stands, and the way out. */
export function AccountMenu() {
  const { user, slice } = useMe();
  const { problem, run } = useLogOut();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", pressed);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", pressed);
    };
  }, [open]);

  return (
    <div className="account" ref={box}>
      <button
        type="button"
        ref={button}
        className="icon-button"
        aria-expanded={open}
        aria-controls={panel}
        onClick={() => setOpen(!open)}
      >
        <Icon name="user" />
        <span className="visually-hidden">Account</span>
      </button>
      <div className="account-panel card" id={panel} hidden={!open}>
        <p className="account-email">
          <Address email={user.email} />
        </p>
        <Subscription />
        {problem && (
          <p className="field-problem" role="alert">
            {problem}
          </p>
        )}
        {slice?.status === "assigned" && !slice.moving && (
          <Link href="/data" className="button button-quiet button-wide" onClick={() => setOpen(false)}>
            Your data
          </Link>
        )}
        <Link href="/billing" className="button button-quiet button-wide" onClick={() => setOpen(false)}>
          Billing
        </Link>
        <Link
          href="/notifications"
          className="button button-quiet button-wide"
          onClick={() => setOpen(false)}
        >
          Notifications
        </Link>
        <button type="button" className="button button-quiet button-wide" onClick={run}>
          Log out
        </button>
      </div>
    </div>
  );
}

function Subscription() {
  const me = useMe();
  const { status } = useBilling();
  const now = useNow(60_000);
  return <p className="account-plan">{planWords(me, status, now)}</p>;
}

function planWords({ user, waiting }: Me, bill: BillingStatus | null, now: number): string {
  const { subscriptionStatus: status, trialEndsAt } = user;
  if (status === "trial" && trialEndsAt) {
    const days = daysUntil(trialEndsAt, now);
    if (days === 0) return "Your trial has ended";
    return days === 1 ? "Last day of your trial" : `${days} days left in your trial`;
  }
  if (status === "trial") return waiting ? "Your trial begins with your workspace" : "Trial";
  if (status === "unpaid") return "Not paid yet";
  if (status === "past_due") {
    return bill && isTrial(bill) ? "Your trial is over" : "The last payment did not go through";
  }
  if (status === "cancelled") return bill && isTrial(bill) ? "Your trial is over" : "Not paid any more";
  return bill?.endsAt ? `Subscription ends on ${dateOf(bill.endsAt)}` : "Subscription active";
}
