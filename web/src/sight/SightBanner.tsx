import { useEffect } from "react";
import { serverNow } from "../api/clock";
import { useSession } from "../session/SessionProvider";
import { Address } from "../ui/Address";
import { clockTime } from "../ui/time";

/** Tells an operator on every page whose account this is, until when, and what they may do there. */
export function SightBanner() {
  const { session, refresh } = useSession();
  const me = session.kind === "signedIn" ? session.me : null;
  const until = me?.seenBy?.until;

  useEffect(() => {
    if (!until) return;
    // The server ends it by itself, and tells nobody.
    const timer = setTimeout(() => void refresh(), Math.max(1_000, Date.parse(until) - serverNow() + 500));
    return () => clearTimeout(timer);
  }, [until, refresh]);

  if (!me?.seenBy) return null;
  const { mayChange } = me.seenBy;
  return (
    <section className="seen" aria-label="Seen by support">
      <p role="status">
        <strong>
          You are looking at <Address email={me.user.email} />
          ’s account as {me.brand} support.
        </strong>{" "}
        {mayChange
          ? "They have allowed more than looking: what you do here is done, and messages leave from their number."
          : "Nothing can be changed."}{" "}
        Until {clockTime(me.seenBy.until)}.
      </p>
      {/* To the operator's pages, which are not the app's. */}
      <form method="post" action="/admin/see/end">
        <button type="submit">Leave</button>
      </form>
    </section>
  );
}
