import { useState } from "react";
import { gateway } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { useSession } from "./SessionProvider";
import { useHold } from "./useHold";

/** Seconds between two mails, as the server has them. */
const betweenMails = 60;

/** Sends the mail with the link that confirms an address once more; `held`: for so many seconds it cannot. */
export function useVerificationMail() {
  const { refresh } = useSession();
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [held, hold] = useHold();

  const send = async () => {
    if (busy || held > 0) return;
    setBusy(true);
    setSent(false);
    setProblem(null);
    try {
      await gateway.sendVerification();
      setSent(true);
      hold(betweenMails);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setProblem(error.sentence);
      if (error.status === 429) hold(error.retryAfter ?? betweenMails);
      // Confirmed meanwhile, or logged out: the page shows which.
      if (error.status === 409 || error.status === 401) await refresh();
    } finally {
      setBusy(false);
    }
  };
  return { busy, sent, problem, held, send };
}
