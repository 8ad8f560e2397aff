import { Notice } from "../ui/Notice";
import { useVerificationMail } from "./useVerificationMail";

/** Sends the mail that confirms an address once more, and says how that went. */
export function SendAgainButton({ email }: { email: string }) {
  const { busy, sent, problem, held, send } = useVerificationMail();
  return (
    <>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <p className="said" role="status">
        {sent && (
          <>
            A mail is on its way to <strong className="address">{email}</strong>. If it does not come, look
            into the folder for spam.
          </>
        )}
      </p>
      <button type="button" className="button button-wide" aria-disabled={busy || held > 0} onClick={send}>
        {held > 0 ? `Send again in ${held} s` : busy ? "Sending…" : "Send the mail again"}
      </button>
    </>
  );
}
