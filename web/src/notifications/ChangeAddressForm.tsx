import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { gateway } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { ErrorSummary, type Problem } from "../session/ErrorSummary";
import { useMe, useSession } from "../session/SessionProvider";
import { useHold } from "../session/useHold";
import { emailProblem } from "../session/validate";
import { Field, PasswordField } from "../ui/Field";
import { inSeconds } from "../ui/time";

interface Props {
  onDone: () => void;
  onCancel: () => void;
}

/** Another address for the account, which its password has to vouch for. */
export function ChangeAddressForm({ onDone, onCancel }: Props) {
  const { user } = useMe();
  const { take, refresh } = useSession();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [busy, setBusy] = useState(false);
  const [held, hold] = useHold();

  const problemOf = (field: string) => problems.find((problem) => problem.field === field)?.sentence ?? null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || held > 0) return;
    const found: Problem[] = [];
    const badEmail = emailProblem(email) ?? sameProblem(email, user.email);
    if (badEmail) found.push({ field: "new-email", sentence: badEmail });
    if (password === "") found.push({ field: "current-password", sentence: "Type your password." });
    setProblems(found);
    if (found.length > 0) return;

    setBusy(true);
    try {
      take(await gateway.changeEmail({ email: email.trim(), password }));
      onDone();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setProblems([{ field: fields[error.status] ?? null, sentence: error.sentence }]);
      if (error.status === 429) hold(error.retryAfter ?? 60);
      setBusy(false);
      // The same answer as to a wrong password comes when nobody is logged in any more.
      if (error.status === 401) await refresh();
    }
  };

  return (
    <form noValidate onSubmit={submit}>
      <ErrorSummary problems={problems} />
      <Field
        label="New e-mail address"
        id="new-email"
        type="email"
        name="email"
        inputMode="email"
        autoComplete="email"
        autoCapitalize="none"
        spellCheck={false}
        required
        hint="A mail with a link goes there. You log in with it, too."
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        problem={problemOf("new-email")}
      />
      <PasswordField
        label="Your password"
        id="current-password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        problem={problemOf("current-password")}
      />
      <Link href="/forgot-password" state={{ email: user.email }} className="forgot">
        Forgot password?
      </Link>
      <div className="form-acts">
        <button className="button" type="submit" aria-disabled={busy || held > 0}>
          {held > 0 ? `Try again in ${inSeconds(held)}` : busy ? "Changing…" : "Change address"}
        </button>
        <button className="button button-quiet" type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** What a refusal is about, by its status. */
const fields: Record<number, string> = { 400: "new-email", 401: "current-password", 409: "new-email" };

function sameProblem(typed: string, email: string): string | null {
  return typed.trim().toLowerCase() === email.toLowerCase() ? "This is your address already." : null;
}
