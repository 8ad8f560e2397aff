import { Link, useLocation } from "wouter";
import { useDelayed } from "../ui/useDelayed";
import { type ConnectionWords, connectionWords } from "../workspace/connection";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";

/** A break of the event stream shorter than this, in milliseconds, is not worth a word. */
const shortBreak = 4_000;

const catchingUp: ConnectionWords = { tone: "busy", label: "Reconnecting", needsPerson: false };

/** Tells whether messages come and go, with a way to mend it where the person can. */
export function ConnectionChip() {
  const status = useWorkspaceState((state) => state.status);
  const trouble = useWorkspaceState((state) => state.trouble);
  const live = useWorkspaceState((state) => state.live);
  const [path] = useLocation();
  const silent = useDelayed(!live, shortBreak);

  const known = connectionWords(status, trouble);
  // The pages that link the phone say it all themselves.
  const isSaid = /^\/(re)?connect/.test(path) && !trouble;
  const words = known?.tone === "good" && silent ? catchingUp : known;
  return (
    <div className="bar-connection" role="status" aria-label="Connection">
      {words && !isSaid && (
        <span className={`chip chip-${words.tone}`}>
          <span className="chip-dot" aria-hidden="true" />
          {words.needsPerson ? (
            <Link href="/connect">
              <span className="chip-subject">WhatsApp: </span>
              {words.label}
            </Link>
          ) : (
            <span>{words.label}</span>
          )}
        </span>
      )}
    </div>
  );
}
