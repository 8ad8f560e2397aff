import type { LinkStep } from "./step";

const names = ["Prepare", "Set up", "Scan", "Sync", "Done"];

const place: Record<LinkStep | "prepare", number> = {
  prepare: 0,
  settingUp: 1,
  scan: 2,
  timedOut: 2,
  problem: 1,
  syncing: 3,
  ready: 4,
};

/** How far the linking has come. */
export function Steps({ step }: { step: LinkStep | "prepare" }) {
  const current = place[step];
  return (
    <ol className="steps" aria-label="Steps">
      {names.map((name, index) => (
        <li
          key={name}
          className={index < current ? "step-past" : index === current ? "step-now" : undefined}
          aria-current={index === current ? "step" : undefined}
        >
          {name}
          {index < current && <span className="visually-hidden"> (done)</span>}
        </li>
      ))}
    </ol>
  );
}
