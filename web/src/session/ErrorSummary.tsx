import { useEffect, useRef } from "react";

/** One thing that keeps a form from being sent. */
export interface Problem {
  /** The id of the input it is about; null when it is about none of them. */
  field: string | null;
  sentence: string;
}

/** All problems of a form at its top, each leading to its input. It takes the focus when they change. */
export function ErrorSummary({ problems }: { problems: readonly Problem[] }) {
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (problems.length > 0) box.current?.focus();
  }, [problems]);

  if (problems.length === 0) return null;
  return (
    <div className="notice notice-bad error-summary" role="alert" tabIndex={-1} ref={box}>
      <ul>
        {problems.map(({ field, sentence }) => (
          <li key={field ?? sentence}>
            {field === null ? (
              sentence
            ) : (
              <a
                href={`#${field}`}
                onClick={(event) => {
                  event.preventDefault();
                  document.getElementById(field)?.focus();
                }}
              >
                {sentence}
              </a>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
