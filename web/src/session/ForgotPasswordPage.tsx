import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { gateway } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { Address } from "../ui/Address";
import { Field } from "../ui/Field";
import { PageHeading } from "../ui/PageHeading";
import { inSeconds } from "../ui/time";
import { AuthLayout } from "./AuthLayout";
import { ErrorSummary, type Problem } from "./ErrorSummary";
import { useSession } from "./SessionProvider";
import { useHold } from "./useHold";
import { emailProblem } from "./validate";

/** Asks for a mail with a link that sets a new password. */
export function ForgotPasswordPage() {
  const [email, setEmail] = useState(typedBefore);
  const [sent, setSent] = useState(false);
  return (
    <AuthLayout>
      {sent ? (
        <Sent email={email} onBack={() => setSent(false)} />
      ) : (
        <Form email={email} onEmail={setEmail} onSent={() => setSent(true)} />
      )}
      <BackLink />
    </AuthLayout>
  );
}

/** The address that was typed on the page before, which puts it into the history's state and not into the URL. */
function typedBefore(): string {
  const state: unknown = window.history.state;
  const typed = typeof state === "object" && state !== null && "email" in state ? state.email : "";
  return typeof typed === "string" ? typed : "";
}

interface FormProps {
  email: string;
  onEmail: (email: string) => void;
  onSent: () => void;
}

function Form({ email, onEmail, onSent }: FormProps) {
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [busy, setBusy] = useState(false);
  const [held, hold] = useHold();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || held > 0) return;
    const bad = emailProblem(email);
    setProblems(bad ? [{ field: "email", sentence: bad }] : []);
    if (bad) return;

    setBusy(true);
    try {
      await gateway.forgotPassword(email.trim());
      onSent();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setProblems([{ field: null, sentence: error.sentence }]);
      if (error.status === 429) hold(error.retryAfter ?? 60);
      setBusy(false);
    }
  };

  return (
    <>
      <PageHeading title="Forgot password">Forgot your password?</PageHeading>
      <p className="lead">We send you a mail with a link to choose a new one.</p>
      <form noValidate onSubmit={submit}>
        <ErrorSummary problems={problems} />
        <Field
          label="E-mail"
          id="email"
          type="email"
          name="email"
          inputMode="email"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          value={email}
          onChange={(event) => onEmail(event.target.value)}
          problem={problems.find(({ field }) => field === "email")?.sentence ?? null}
        />
        <button className="button button-wide" type="submit" aria-disabled={busy || held > 0}>
          {held > 0 ? `Try again in ${inSeconds(held)}` : busy ? "Sending…" : "Send the link"}
        </button>
      </form>
    </>
  );
}

/** The same whether there is such an account or not. */
function Sent({ email, onBack }: { email: string; onBack: () => void }) {
  return (
    <>
      <PageHeading title="Look into your mailbox">Look into your mailbox</PageHeading>
      <p>
        If there is an account with this address, a mail with a link is on its way. It works for 10 minutes.
      </p>
      <div className="auth-help">
        <h2>No mail after a minute or two?</h2>
        <ul>
          <li>Look into the folder for spam.</li>
          <li>
            See that <Address email={email.trim()} strong /> is right, and the address that you signed up
            with.
          </li>
        </ul>
      </div>
      <button type="button" className="button button-quiet button-wide" onClick={onBack}>
        Send it again, or to another address
      </button>
    </>
  );
}

function BackLink() {
  const { session } = useSession();
  return (
    <p className="auth-other">
      {session.kind === "signedIn" ? (
        <Link href="/notifications">Back to your notifications</Link>
      ) : (
        <Link href={`/login${window.location.search}`}>Back to the login</Link>
      )}
    </p>
  );
}
