import { type FormEvent, useState } from "react";
import { Link, Redirect } from "wouter";
import { ApiFailure } from "../api/http";
import { Field, PasswordField } from "../ui/Field";
import { PageHeading } from "../ui/PageHeading";
import { inSeconds } from "../ui/time";
import { AuthLayout } from "./AuthLayout";
import { ErrorSummary, type Problem } from "./ErrorSummary";
import { nextPath, purposeOf } from "./nextPath";
import { useSession } from "./SessionProvider";
import { useHold } from "./useHold";
import { emailProblem } from "./validate";

export function LoginPage() {
  const { session, login } = useSession();
  // Raw, as the router would decode it once too often.
  const { search } = window.location;
  const purpose = purposeOf(search);
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
    if (password === "") found.push({ field: "password", sentence: "Type your password." });
    setProblems(found);
    if (found.length > 0) return;

    setBusy(true);
    try {
      await login({ email: email.trim(), password });
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setProblems([{ field: null, sentence: error.sentence }]);
      if (error.status === 429) hold(error.retryAfter ?? 60);
      setBusy(false);
    }
  };

  return (
    <AuthLayout>
      <PageHeading title="Log in">Log in</PageHeading>
      {purpose && <p className="lead">{purpose}</p>}
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
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          problem={problemOf("password")}
        />
        <Link href={`/forgot-password${search}`} state={{ email }} className="forgot">
          Forgot password?
        </Link>
        <button className="button button-wide" type="submit" aria-disabled={busy || held > 0}>
          {held > 0 ? `Try again in ${inSeconds(held)}` : busy ? "Logging in…" : "Log in"}
        </button>
      </form>
      <p className="auth-other">
        New here? <Link href={`/register${search}`}>Create an account</Link>
      </p>
    </AuthLayout>
  );
}
