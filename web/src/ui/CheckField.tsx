import type { ReactNode } from "react";

interface Props {
  label: string;
  id: string;
  hint: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** A checkbox with its label and hint tied to it. */
export function CheckField({ label, id, hint, checked, onChange }: Props) {
  return (
    <div className="check-field">
      <input
        type="checkbox"
        id={id}
        checked={checked}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      <p className="field-hint" id={`${id}-hint`}>
        {hint}
      </p>
    </div>
  );
}
