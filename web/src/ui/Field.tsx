import { type InputHTMLAttributes, useState } from "react";

interface Props extends Omit<InputHTMLAttributes<HTMLInputElement>, "id"> {
  label: string;
  /** Also the anchor that an error summary points to. */
  id: string;
  hint?: string;
  /** What is wrong with the value; null when nothing is. */
  problem: string | null;
}

/** An input with its label, hint and problem tied to it. */
export function Field({ label, id, hint, problem, ...input }: Props) {
  const describedBy = descriptionOf(id, hint, problem);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-invalid={problem !== null} aria-describedby={describedBy} {...input} />
      <Description id={id} hint={hint} problem={problem} />
    </div>
  );
}

/** A password input with a button that shows what was typed. */
export function PasswordField({ label, id, hint, problem, ...input }: Props) {
  const [shown, setShown] = useState(false);
  const describedBy = descriptionOf(id, hint, problem);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-with-button">
        <input
          id={id}
          type={shown ? "text" : "password"}
          autoCapitalize="none"
          spellCheck={false}
          aria-invalid={problem !== null}
          aria-describedby={describedBy}
          {...input}
        />
        <button type="button" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? "Hide" : "Show"}
          <span className="visually-hidden"> password</span>
        </button>
      </div>
      <Description id={id} hint={hint} problem={problem} />
    </div>
  );
}

function descriptionOf(id: string, hint: string | undefined, problem: string | null): string | undefined {
  const ids = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean);
  return ids.length > 0 ? ids.join(" ") : undefined;
}

function Description({
  id,
  hint,
  problem,
}: {
  id: string;
  hint: string | undefined;
  problem: string | null;
}) {
  return (
    <>
      {problem && (
        <p className="field-problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </>
  );
}
