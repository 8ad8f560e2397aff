import { type BillingStatus, billing, type Export, exportFile } from "../api/billing";
import { sizeWords } from "../data/size";
import { NoCopy } from "../sight/NoCopy";
import { useMayChange, useSeenBy } from "../sight/useSeenBy";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { momentOf } from "../ui/time";
import { useAction } from "../ui/useAction";
import { isUnderWay, useBilling } from "./BillingProvider";
import { markSeen } from "./seenExport";

/** Copies of everything: one to be made, how far it is, and those that can be downloaded. */
export function ExportsCard({ status }: { status: BillingStatus }) {
  const { exports, begun, refresh } = useBilling();
  const { busy, problem, run } = useAction(async () => {
    try {
      begun(await billing.startExport());
    } catch (error) {
      // One is under way already, begun in another tab: it is shown.
      await refresh();
      throw error;
    }
  });
  const mayChange = useMayChange();
  const has = status.slice === "assigned" || status.slice === "suspended";
  const underWay = exports?.some(isUnderWay) ?? false;
  return (
    <section className="card data-card" aria-labelledby="copies">
      <h2 id="copies" tabIndex={-1}>
        Take a copy
      </h2>
      <p>
        A ZIP file with every message (for spreadsheets and for programs), your contacts (for spreadsheets and
        address books) and all photos and files. It is made in the background, also while your workspace is
        paused, and a mail tells you when it is ready.
      </p>
      {exports && exports.length > 0 && (
        <ul className="copies">
          {exports.map((one) => (
            <li key={one.id}>
              <Copy one={one} />
            </li>
          ))}
        </ul>
      )}
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      {!mayChange ? (
        <NoCopy />
      ) : has ? (
        !underWay && (
          <button
            type="button"
            className="button button-quiet"
            aria-disabled={busy || exports === null}
            onClick={() => exports !== null && void run()}
          >
            {busy ? "One moment…" : exports && exports.length > 0 ? "Make a new copy" : "Make a copy"}
          </button>
        )
      ) : (
        <p className="field-hint">There is nothing to be copied yet: you have no workspace.</p>
      )}
    </section>
  );
}

function Copy({ one }: { one: Export }) {
  const mayChange = useMayChange();
  const seenBy = useSeenBy();
  switch (one.status) {
    case "waiting":
    case "running":
      return <UnderWay one={one} />;
    case "ready":
      return (
        <>
          {mayChange && (
            <a
              className="button"
              href={exportFile(one)}
              download
              onClick={() => {
                if (!seenBy) markSeen(one);
              }}
            >
              <Icon name="down" />
              Download, {sizeWords(one.bytes)}
            </a>
          )}
          <p className="field-hint">
            From {momentOf(one.createdAt)}
            {one.expiresAt && `. It is kept until ${momentOf(one.expiresAt)}.`}
          </p>
        </>
      );
    case "failed":
      return (
        <Notice kind="bad">
          The copy of {momentOf(one.createdAt)} could not be made. {one.error ?? "Try it once more."}
        </Notice>
      );
    case "deleted":
      return <p className="field-hint">The copy of {momentOf(one.createdAt)} is deleted.</p>;
  }
}

function UnderWay({ one }: { one: Export }) {
  // What is expected is an estimate: only the end is the end.
  const share = one.expected > 0 ? Math.min(0.99, one.bytes / one.expected) : null;
  return (
    <>
      <p id={`copy-${one.id}`}>
        <strong>Your copy is being made.</strong>{" "}
        {one.bytes === 0
          ? "It begins in a moment."
          : `${sizeWords(one.bytes)}${one.expected > 0 ? ` of about ${sizeWords(Math.max(one.expected, one.bytes))}` : ""}`}
      </p>
      <div
        className="storage-bar"
        role="progressbar"
        aria-labelledby={`copy-${one.id}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round(share * 100)}
      >
        <span style={{ inlineSize: `${(share ?? 0) * 100}%` }} />
      </div>
      <p className="field-hint">You can leave this page meanwhile.</p>
    </>
  );
}
