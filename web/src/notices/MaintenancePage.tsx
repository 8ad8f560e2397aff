import { useEffect, useState } from "react";
import type { Maintenance } from "../api/gateway";
import { backoff } from "../events/backoff";
import { LogOutButton } from "../session/LogOutButton";
import { useSession } from "../session/SessionProvider";
import { Brand } from "../ui/Brand";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { clockTime, momentOf } from "../ui/time";
import { useNow } from "../ui/useNow";
import { Words } from "./Words";

/** The first pause before it is asked whether it is over is that of this many tries: some four seconds. */
const firstPause = 2;

/** Says what the operator does, and goes on by itself when it is over. */
export function MaintenancePage({ maintenance }: { maintenance: Maintenance }) {
  const { refresh } = useSession();
  const [tries, setTries] = useState(0);
  const now = useNow(15_000);

  useEffect(() => {
    const timer = setTimeout(
      async () => {
        await refresh();
        setTries(tries + 1);
      },
      backoff(firstPause + tries),
    );
    return () => clearTimeout(timer);
  }, [tries, refresh]);

  return (
    <div className="auth">
      <header>
        <Brand />
      </header>
      <main className="card panel">
        <span className="panel-icon panel-icon-warn">
          <Icon name="clock" />
        </span>
        <PageHeading title="Maintenance">We are doing maintenance</PageHeading>
        <p role="status">{untilWhen(maintenance.until, now)}</p>
        {maintenance.words.length > 0 && (
          <p className="announced">
            <Words words={maintenance.words} />
          </p>
        )}
        <ul className="facts">
          <li>
            <Icon name="check" />
            <span>
              Your WhatsApp <strong>stays connected</strong>: messages come in, and you find them here
              afterwards.
            </span>
          </li>
          <li>
            <Icon name="check" />
            <span>Nothing is lost, and what you have typed is kept while this page is open.</span>
          </li>
          <li>
            <Icon name="check" />
            <span>This page goes on by itself. You need not load it again.</span>
          </li>
        </ul>
        <LogOutButton />
      </main>
    </div>
  );
}

function untilWhen(until: string | null, now: number): string {
  if (until === null) return "It takes a little while.";
  if (Date.parse(until) <= now) return "It takes a little longer than planned.";
  const isToday = new Date(until).toDateString() === new Date(now).toDateString();
  return `It will be over by about ${isToday ? clockTime(until) : momentOf(until)}, your time.`;
}
