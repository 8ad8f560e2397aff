import { useState } from "react";
import { Link, useLocation } from "wouter";
import { type BillingStatus, type Export, exportFile } from "../api/billing";
import { useSeenBy } from "../sight/useSeenBy";
import { Icon } from "../ui/Icon";
import { dateOf, daysUntil, momentOf } from "../ui/time";
import { useNow } from "../ui/useNow";
import { useBilling } from "./BillingProvider";
import { isSeen, markSeen } from "./seenExport";
import { isStopped, isTrial } from "./standing";

/** Days before the end of a trial from which it is spoken of. */
const trialNews = 3;

/** Says on every page what of the account cannot wait, and that a copy is ready. */
export function BillingBanner() {
  const { status, exports } = useBilling();
  const [path] = useLocation();
  const seenBy = useSeenBy();
  const now = useNow(30_000);
  // Those pages say it all themselves.
  if (path.startsWith("/billing")) return null;
  const news = status && newsOf(status, now);
  const ready = !seenBy && exports?.find((one) => one.status === "ready");
  return (
    <>
      {news && (
        <p className={news.bad ? "banner banner-bad" : "banner"} role="status">
          <strong>{news.title}</strong> {news.text}{" "}
          {news.away ? <a href={news.away}>{news.label}</a> : <Link href="/billing">{news.label}</Link>}
        </p>
      )}
      {ready && <Ready key={ready.id} one={ready} now={now} />}
    </>
  );
}

interface News {
  bad?: boolean;
  title: string;
  text: string;
  label: string;
  /** An address elsewhere that the label leads to. */
  away?: string;
}

/** null: nothing that could not wait, or the page of a workspace that is stopped says it. */
export function newsOf(status: BillingStatus, now: number): News | null {
  const { enabled, confirm, graceEndsAt, trialEndsAt, endsAt } = status;
  if (status.held || status.status === "cancelled" || isStopped(status, now)) return null;
  if (confirm) {
    return {
      bad: true,
      title: "Confirm your payment:",
      text: "your bank asks for it.",
      label: "Confirm",
      away: confirm,
    };
  }
  if (status.status === "past_due") {
    const until = graceEndsAt ? `Everything goes on until ${momentOf(graceEndsAt)}.` : "";
    if (!isTrial(status)) {
      return { bad: true, title: "Your payment did not go through.", text: until, label: "Look at it" };
    }
    return {
      bad: true,
      title: "Your trial is over.",
      text: until,
      label: enabled ? "Subscribe" : "What follows",
    };
  }
  if (status.status === "trial" && trialEndsAt) {
    const days = daysUntil(trialEndsAt, now);
    if (days > trialNews) return null;
    const title = days <= 1 ? "This is the last day of your trial." : `Your trial ends in ${days} days.`;
    return { title, text: "", label: enabled ? "Subscribe" : "What follows" };
  }
  if (status.status === "active" && endsAt) {
    return { title: `Your subscription ends on ${dateOf(endsAt)}.`, text: "", label: "Take that back" };
  }
  return null;
}

function Ready({ one, now }: { one: Export; now: number }) {
  const [shown, setShown] = useState(!isSeen(one));
  if (!shown || (one.expiresAt && Date.parse(one.expiresAt) <= now)) return null;
  const putAway = () => {
    markSeen(one);
    setShown(false);
  };
  return (
    <div className="banner banner-closable banner-good">
      <p role="status">
        <strong>Your copy is ready.</strong>{" "}
        <a href={exportFile(one)} download onClick={putAway}>
          Download it
        </a>
      </p>
      <button type="button" className="banner-close" onClick={putAway}>
        <Icon name="close" />
        <span className="visually-hidden">Put this away</span>
      </button>
    </div>
  );
}
