import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { gateway } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { Address } from "../ui/Address";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { inSeconds } from "../ui/time";
import { AuthLayout } from "./AuthLayout";
import { AuthPanel } from "./AuthPanel";
import { loginPath } from "./nextPath";
import { SendAgainButton } from "./SendAgainButton";
import { useSession } from "./SessionProvider";
import { useHold } from "./useHold";
import { noLinkWords, useLinkToken } from "./useLinkToken";

/** Where the link in the mail that confirms an address leads; nobody has to be logged in. */
export function VerifyEmailPage() {
  const token = useLinkToken();
  return (
    <AuthLayout>
      {token ? <Verify key={token} token={token} /> : <NoLink sentence={noLinkWords} />}
    </AuthLayout>
  );
}

type Outcome = { kind: "asking" } | { kind: "done" } | { kind: "refused" | "failed"; sentence: string };

function Verify({ token }: { token: string }) {
  const { changed } = useSession();
  const [outcome, setOutcome] = useState<Outcome>({ kind: "asking" });
  const [held, hold] = useHold();
  const begun = useRef(false);

  const verify = async () => {
    setOutcome({ kind: "asking" });
    try {
      await gateway.verifyEmail(token);
      setOutcome({ kind: "done" });
      await changed();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (error.status === 429) hold(error.retryAfter ?? 60);
      const refused = error.status === 410 || error.status === 400;
      setOutcome({ kind: refused ? "refused" : "failed", sentence: error.sentence });
    }
  };

  useEffect(() => {
    // Once by itself, and from then on by the button.
    if (begun.current) return;
    begun.current = true;
    void verify();
  });

  if (outcome.kind === "done") return <Done />;
  if (outcome.kind === "refused") return <NoLink sentence={outcome.sentence} />;
  if (outcome.kind === "asking") {
    return (
      <div className="centred">
        <PageHeading title="Confirming your address">Confirming your e-mail address</PageHeading>
        <Spinner label="One moment" />
      </div>
    );
  }
  return (
    <AuthPanel icon="unplugged" tone="warn" title="Not confirmed" heading="Your address is not confirmed yet">
      <Notice kind="bad" announced>
        {outcome.sentence}
      </Notice>
      <button
        type="button"
        className="button button-wide"
        aria-disabled={held > 0}
        onClick={() => held === 0 && void verify()}
      >
        {held > 0 ? `Try again in ${inSeconds(held)}` : "Try again"}
      </button>
    </AuthPanel>
  );
}

function Done() {
  const { session } = useSession();
  return (
    <AuthPanel icon="check" title="Address confirmed" heading="Your e-mail address is confirmed">
      <p>From now on we can write to you when your WhatsApp needs you.</p>
      {session.kind === "signedOut" ? (
        <Link href="/login" className="button button-wide">
          Log in
        </Link>
      ) : (
        <Link href="/" className="button button-wide">
          Go to your workspace
        </Link>
      )}
    </AuthPanel>
  );
}

/** A link that is used up, or none: what to do depends on who is here. */
function NoLink({ sentence }: { sentence: string }) {
  const { session } = useSession();
  if (session.kind === "signedIn" && session.me.user.emailVerified) {
    return (
      <AuthPanel icon="check" title="Address confirmed" heading="Your address is confirmed already">
        <p>
          <Address email={session.me.user.email} strong /> is the address of your account, and it is
          confirmed: there is nothing left to do.
        </p>
        <Link href="/" className="button button-wide">
          Go to your workspace
        </Link>
      </AuthPanel>
    );
  }
  return (
    <AuthPanel icon="clock" tone="warn" title="Link does not work" heading="This link does not work any more">
      <p>{sentence}</p>
      {session.kind === "signedIn" && <SendAgainButton email={session.me.user.email} wide />}
      {session.kind === "signedOut" && (
        <Link href={loginPath("/notifications")} className="button button-wide">
          Log in to ask for a new one
        </Link>
      )}
    </AuthPanel>
  );
}
