import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useMe } from "../session/SessionProvider";
import { useVerificationMail } from "../session/useVerificationMail";
import { Address } from "../ui/Address";
import { Icon } from "../ui/Icon";
import { inSeconds } from "../ui/time";

/** Addresses whose banner was put away, until the page is loaded again. */
const putAway = new Set<string>();

/** Says on every page that mails to the person's address do not reach them, or that nobody knows yet. */
export function AddressBanner() {
  const { user } = useMe();
  const [path] = useLocation();
  // That page says it all itself.
  if (path.startsWith("/notifications")) return null;
  if (user.emailBounced) return <Bounced email={user.email} />;
  return user.emailVerified ? null : <Unconfirmed key={user.email} email={user.email} />;
}

function Bounced({ email }: { email: string }) {
  return (
    <p className="banner banner-bad" role="status">
      <strong>
        Mails to <Address email={email} /> come back,
      </strong>{" "}
      so we cannot tell you when your WhatsApp needs you.{" "}
      <Link href="/notifications">Change the address</Link>
    </p>
  );
}

function Unconfirmed({ email }: { email: string }) {
  const [shown, setShown] = useState(!putAway.has(email));
  const { busy, sent, problem, held, send } = useVerificationMail();
  if (!shown) return null;
  return (
    <div className="banner banner-closable">
      <p>
        <strong>Confirm your e-mail address:</strong>{" "}
        <span role="status">
          {problem ?? (
            <>
              {sent ? "another mail is on its way to" : "we sent a mail to"} <Address email={email} />.
            </>
          )}
        </span>{" "}
        <span className="banner-acts">
          <button type="button" className="text-button" aria-disabled={busy || held > 0} onClick={send}>
            {held > 0 ? `Send again in ${inSeconds(held)}` : busy ? "Sending…" : "Send again"}
          </button>{" "}
          <span aria-hidden="true">·</span> <Link href="/notifications">Change</Link>
        </span>
      </p>
      <button
        type="button"
        className="banner-close"
        onClick={() => {
          putAway.add(email);
          setShown(false);
        }}
      >
        <Icon name="close" />
        <span className="visually-hidden">Put this away</span>
      </button>
    </div>
  );
}
