import { Address } from "../ui/Address";
import { Notice } from "../ui/Notice";
import { inSeconds } from "../ui/time";
import { useVerificationMail } from "./useVerificationMail";

/** Sends the mail that confirms an address once more, and says how that went. */
export function SendAgainButton({ email, wide = false }: { email: string; wide?: boolean }) {
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
            A mail is on its way to <Address email={email} strong />. If it does not come, look into the
            folder for spam.
          </>
        )}
      </p>
      <button
        type="button"
        className={wide ? "button button-wide" : "button"}
        aria-disabled={busy || held > 0}
        onClick={send}
      >
        {held > 0 ? `Send again in ${inSeconds(held)}` : busy ? "Sending…" : "Send the mail again"}
      </button>
    </>
  );
}
