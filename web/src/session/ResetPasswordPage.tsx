import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { gateway } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { PasswordField } from "../ui/Field";
import { PageHeading } from "../ui/PageHeading";
import { inSeconds } from "../ui/time";
import { AuthLayout } from "./AuthLayout";
import { AuthPanel } from "./AuthPanel";
import { ErrorSummary, type Problem } from "./ErrorSummary";
import { useSession } from "./SessionProvider";
import { useHold } from "./useHold";
import { noLinkWords, useLinkToken } from "./useLinkToken";
import { passwordHint, passwordProblem } from "./validate";

/** Where the link in the mail about a forgotten password leads. */
export function ResetPasswordPage() {
  const token = useLinkToken();
  return (
    <AuthLayout>{token ? <Reset key={token} token={token} /> : <NoLink sentence={noLinkWords} />}</AuthLayout>
  );
}

function Reset({ token }: { token: string }) {
  const [done, setDone] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  if (done) return <Done />;
  if (refusal) return <NoLink sentence={refusal} />;
  return <Form token={token} onDone={() => setDone(true)} onRefused={setRefusal} />;
}

interface FormProps {
  token: string;
  onDone: () => void;
  /** The link does not work any more, and the sentence that says so. */
  onRefused: (sentence: string) => void;
}

function Form({ token, onDone, onRefused }: FormProps) {
  const { changed } = useSession();
  const [password, setPassword] = useState("");
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [busy, setBusy] = useState(false);
  const [held, hold] = useHold();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || held > 0) return;
    const bad = passwordProblem(password);
    setProblems(bad ? [{ field: "password", sentence: bad }] : []);
    if (bad) return;

    setBusy(true);
    try {
      await gateway.resetPassword({ token, password });
      // Whoever was logged in in this browser may be logged out by it.
      await changed();
      onDone();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (error.status === 410) return onRefused(error.sentence);
      setProblems([{ field: error.status === 400 ? "password" : null, sentence: error.sentence }]);
      if (error.status === 429) hold(error.retryAfter ?? 60);
      setBusy(false);
    }
  };

  return (
    <>
      <PageHeading title="New password">Choose a new password</PageHeading>
      <form noValidate onSubmit={submit}>
        <ErrorSummary problems={problems} />
        <PasswordField
          label="New password"
          id="password"
          name="password"
          autoComplete="new-password"
          required
          hint={passwordHint}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          problem={problems.find(({ field }) => field === "password")?.sentence ?? null}
        />
        <button className="button button-wide" type="submit" aria-disabled={busy || held > 0}>
          {held > 0 ? `Try again in ${inSeconds(held)}` : busy ? "Saving…" : "Save the new password"}
        </button>
      </form>
      <p className="auth-other">Saving it logs you out everywhere, on this device too.</p>
    </>
  );
}

function Done() {
  return (
    <AuthPanel icon="check" title="Password changed" heading="Your password is changed">
      <p>All devices were logged out, so that nobody stays in with the old one.</p>
      <Link href="/login" className="button button-wide">
        Log in
      </Link>
    </AuthPanel>
  );
}

function NoLink({ sentence }: { sentence: string }) {
  return (
    <AuthPanel icon="clock" tone="warn" title="Link does not work" heading="This link does not work any more">
      <p>{sentence}</p>
      <Link href="/forgot-password" className="button button-wide">
        Ask for a new link
      </Link>
    </AuthPanel>
  );
}
