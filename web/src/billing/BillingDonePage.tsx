import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { type BillingStatus, billing } from "../api/billing";
import { gateway, type Me } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { PanelPage } from "../layout/PanelPage";
import { useSession } from "../session/SessionProvider";
import { Notice } from "../ui/Notice";
import { Spinner } from "../ui/Spinner";
import { useElapsed } from "../ui/useNow";
import { useBilling } from "./BillingProvider";

/** How often Stripe is asked, in milliseconds. */
const askEvery = 1_000;

/** Seconds after which somebody may have come back without having paid. */
const longWait = 20;

/**
 * Where Stripe leads after Checkout. It asks Stripe by the server instead of waiting until Stripe
 * tells: that may come later than the person.
 */
export function BillingDonePage() {
  const { take: takeMe, refresh: askWho } = useSession();
  const { take } = useBilling();
  const [, navigate] = useLocation();
  const [trouble, setTrouble] = useState<string | null>(null);
  const [refused, setRefused] = useState<string | null>(null);

  const settled = async (status: BillingStatus) => {
    const me = await gateway.me();
    // What it shows to somebody unpaid is the way to pay, which they have done.
    if (me.user.subscriptionStatus === "unpaid" && status.status === "active") return null;
    return () => {
      take(status);
      takeMe(me);
      navigate(whereTo(status, me), { replace: true });
    };
  };
  const acts = useRef({ settled, askWho });
  useEffect(() => {
    acts.current = { settled, askWho };
  });

  useEffect(() => {
    const session = new URLSearchParams(window.location.search).get("session_id");
    let gone = false;
    let timer: ReturnType<typeof setTimeout>;
    const ask = async () => {
      const began = Date.now();
      let pause = askEvery;
      try {
        const status = await billing.refresh(session);
        const leave = isSettled(status) ? await acts.current.settled(status) : null;
        if (gone) return;
        if (leave) return leave();
        setTrouble(null);
      } catch (error) {
        if (!(error instanceof ApiFailure)) throw error;
        if (gone) return;
        if (error.status === 401) return void acts.current.askWho();
        if (!error.isTemporary) return setRefused(error.sentence);
        setTrouble(error.sentence);
        pause = Math.max(pause, (error.retryAfter ?? 0) * 1_000);
      }
      timer = setTimeout(ask, Math.max(0, began + pause - Date.now()));
    };
    void ask();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);

  if (refused) {
    return (
      <PanelPage icon="warning" tone="warn" title="Payment" heading="That is not a payment of this account">
        <Notice kind="bad" announced>
          {refused}
        </Notice>
        <Link href="/billing" className="button button-wide">
          See how your account stands
        </Link>
      </PanelPage>
    );
  }
  return <Waiting trouble={trouble} />;
}

function Waiting({ trouble }: { trouble: string | null }) {
  const isLate = useElapsed() >= longWait;
  return (
    <PanelPage icon="card" title="Payment" heading="Your payment is being confirmed">
      {trouble ? (
        <Notice kind="warn" announced>
          {trouble} What you have paid is not lost: this page goes on trying by itself.
        </Notice>
      ) : (
        <p aria-live="polite">
          {isLate
            ? "Stripe has not confirmed the payment yet. Some banks take a while, and this page goes on by itself. If you have left Stripe’s page without paying, go back."
            : "This takes a moment. Then you go on by yourself, and link your phone."}
        </p>
      )}
      <Spinner label="Asking Stripe" />
      <Link href="/billing" className="button button-quiet">
        Back to billing
      </Link>
    </PanelPage>
  );
}

/** Paid, whether or not there is a workspace yet; or somebody has to do something about it. */
function isSettled({ status, held, confirm }: BillingStatus): boolean {
  return status === "active" || held || confirm !== null;
}

/** Whoever has linked their phone before has nothing to do with its code. */
function whereTo({ held, confirm }: BillingStatus, { slice }: Me): string {
  return held || confirm || slice?.waConnected ? "/billing" : "/connect";
}
