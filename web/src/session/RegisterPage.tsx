import { type FormEvent, useState } from "react";
import { Link, Redirect } from "wouter";
import { ApiFailure } from "../api/http";
import { Field, PasswordField } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { inSeconds } from "../ui/time";
import { AuthLayout } from "./AuthLayout";
import { ErrorSummary, type Problem } from "./ErrorSummary";
import { nextPath } from "./nextPath";
import { useSession } from "./SessionProvider";
import { useHold } from "./useHold";
import { usePlaces } from "./usePlaces";
import { emailProblem, passwordHint, passwordProblem } from "./validate";

export function RegisterPage() {
  const { session, register } = useSession();
  const places = usePlaces();
  // Raw, as the router would decode it once too often.
  const { search } = window.location;
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [busy, setBusy] = useState(false);
  const [held, hold] = useHold();

  if (session.kind === "signedIn") return <Redirect to={nextPath(search)} replace />;

  const problemOf = (field: string) => problems.find((problem) => problem.field === field)?.sentence ?? null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || held > 0) return;
    const found: Problem[] = [];
    const badEmail = emailProblem(email);
    if (badEmail) found.push({ field: "email", sentence: badEmail });
    const badPassword = passwordProblem(password);
    if (badPassword) found.push({ field: "password", sentence: badPassword });
    setProblems(found);
    if (found.length > 0) return;

    setBusy(true);
    try {
      await register({ email: email.trim(), password });
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setProblems([{ field: error.status === 409 ? "email" : null, sentence: error.sentence }]);
      if (error.status === 429) hold(error.retryAfter ?? 60);
      setBusy(false);
    }
  };

  return (
    <AuthLayout>
      <PageHeading title="Create an account">Create an account</PageHeading>
      <p className="lead">
        Your own private workspace for your WhatsApp customers
        {places?.full ? "." : ", set up within a minute."}
      </p>
      <div className="auth-places" role="status">
        {places?.full && (
          <Notice kind="warn">
            <strong>Every workspace is taken at the moment.</strong> Create your account to join the waiting
            list: {beforeYou(places.waiting)}, first come, first served. We write to you when your place is
            free, and nothing begins to count before.
          </Notice>
        )}
      </div>
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
          onChange={(event) => setEmail(event.target.value)}
          problem={problemOf("email")}
        />
        <PasswordField
          label="Password"
          id="password"
          name="password"
          autoComplete="new-password"
          required
          hint={passwordHint}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          problem={problemOf("password")}
        />
        <button className="button button-wide" type="submit" aria-disabled={busy || held > 0}>
          {held > 0 ? `Try again in ${inSeconds(held)}` : busy ? "Creating your account…" : "Create account"}
        </button>
      </form>
      <p className="auth-other">
        Already have an account? <Link href={`/login${search}`}>Log in</Link>
      </p>
    </AuthLayout>
  );
}

function beforeYou(waiting: number): string {
  if (waiting === 0) return "nobody is before you";
  return waiting === 1 ? "one person is before you" : `${waiting} people are before you`;
}
