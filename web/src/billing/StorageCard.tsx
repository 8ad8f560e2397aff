import { type FormEvent, useState } from "react";
import { type BillingStatus, billing } from "../api/billing";
import { sizeWords } from "../data/size";
import { useSeenBy } from "../sight/useSeenBy";
import { Field } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { times } from "./money";
import { isSubscribed } from "./standing";
import { useChange } from "./useChange";

const gigabyte = 1024 ** 3;

/** More than anybody needs, and less than is typed by mistake. */
const most = 1_000;

/** What of the storage is used, and more of it for money. */
export function StorageCard({ status }: { status: BillingStatus }) {
  const seenBy = useSeenBy();
  const { includedBytes, usedBytes, extraGB, pricePerGB } = status.storage;
  const room = includedBytes + extraGB * gigabyte;
  const share = room > 0 ? Math.min(1, usedBytes / room) : 0;
  const level = share >= 1 ? "full" : share >= 0.9 ? "warning" : "ok";
  return (
    <section className="card data-card" aria-labelledby="room">
      <h2 id="room">Storage</h2>
      <p>
        <strong>{sizeWords(usedBytes)}</strong> of {sizeWords(room)} used by photos, videos and files:{" "}
        {sizeWords(includedBytes)} {extraGB > 0 ? `are included, and ${extraGB} GB bought.` : "are included."}
      </p>
      <div className={`storage-bar storage-bar-${level}`} aria-hidden="true">
        <span style={{ inlineSize: `${share * 100}%` }} />
      </div>
      {status.enabled && pricePerGB && !seenBy && (
        <MoreStorage key={extraGB} status={status} pricePerGB={pricePerGB} />
      )}
    </section>
  );
}

function MoreStorage({ status, pricePerGB }: { status: BillingStatus; pricePerGB: string }) {
  const { currency, storage } = status;
  const [typed, setTyped] = useState(String(storage.extraGB));
  const count = /^\d{1,4}$/.test(typed.trim()) ? Number(typed) : Number.NaN;
  const { busy, problem, run } = useChange(() => billing.buyStorage(count));
  if (status.status !== "active" || status.endsAt) {
    return (
      <p className="field-hint">
        A gigabyte more costs {times(currency, pricePerGB, 1)} a month, and can be bought once{" "}
        {!isSubscribed(status)
          ? "you have subscribed"
          : status.endsAt
            ? "you have taken the cancellation back"
            : "your payment has gone through"}
        .
      </p>
    );
  }
  const isGood = count <= most;
  const isChange = isGood && count !== storage.extraGB;
  const tooSmall = isChange && storage.usedBytes > storage.includedBytes + count * gigabyte;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isChange) void run();
  };
  return (
    <form noValidate onSubmit={submit}>
      <Field
        id="gigabytes"
        label="Gigabytes more than what is included"
        inputMode="numeric"
        autoComplete="off"
        hint={`${times(currency, pricePerGB, isGood ? count : 1)} a month${isGood ? "" : " each"}. What is left of this month is charged or credited in part.`}
        problem={isGood ? null : `Type a whole number from 0 to ${most}.`}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      {tooSmall && (
        <Notice kind="warn">
          You use more than that: new photos and files would not be downloaded until you have made room.
        </Notice>
      )}
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <button type="submit" className="button button-quiet" aria-disabled={!isChange || busy}>
        {busy ? "One moment…" : isGood && count < storage.extraGB ? "Buy less" : "Buy more"}
      </button>
    </form>
  );
}
