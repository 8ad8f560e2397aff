import { type BillingStatus, billing } from "../api/billing";
import { Notice } from "../ui/Notice";
import { momentOf, spanOf } from "../ui/time";
import { useChange } from "./useChange";

interface Props {
  status: BillingStatus;
  onClose: () => void;
}

/** What a cancellation does, the offer of a copy before it, and the cancellation. */
export function CancelForm({ status, onClose }: Props) {
  const { busy, problem, run } = useChange(billing.cancel, onClose);
  const { paidUntil } = status;
  const isUnpaid = status.status === "past_due";
  return (
    <div className="cancel">
      <p>
        <strong>What happens then:</strong>
      </p>
      <ol className="cancel-steps">
        <li>
          {isUnpaid || !paidUntil
            ? "Nothing more is charged. Your workspace runs until the time that you have paid for is over."
            : `Everything works until ${momentOf(paidUntil)}, as that is paid for. Nothing more is charged.`}
        </li>
        <li>
          Then your workspace is stopped. Your data is kept for {spanOf(status.retention)}, in which you can
          come back; a mail says until when.
        </li>
        <li>After that everything is destroyed, and your account with it. Nobody can bring that back.</li>
      </ol>
      <p>
        <a href="#copies">Take a copy of everything first</a>: it is a ZIP file with your messages, contacts
        and files.
      </p>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <div className="form-acts">
        <button type="button" className="button button-danger" aria-disabled={busy} onClick={run}>
          {busy ? "Cancelling…" : "Cancel the subscription now"}
        </button>
        <button type="button" className="button button-quiet" onClick={onClose}>
          Keep it
        </button>
      </div>
    </div>
  );
}
