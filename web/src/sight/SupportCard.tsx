import { useCallback, useEffect, useState } from "react";
import { gateway, type Support } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { useSession } from "../session/SessionProvider";
import { Notice } from "../ui/Notice";
import { Spinner } from "../ui/Spinner";
import { momentOf } from "../ui/time";
import { useAction } from "../ui/useAction";
import { useNow } from "../ui/useNow";
import { useSeenBy } from "./useSeenBy";

/** What support may do in this account, and when they looked. */
export function SupportCard() {
  const { refresh } = useSession();
  const seenBy = useSeenBy();
  const now = useNow(30_000);
  const [support, setSupport] = useState<Support | null>(null);
  const ask = useCallback(async (asked: Promise<Support>) => {
    setSupport(await asked);
  }, []);
  const load = useAction(() => ask(gateway.support()));
  const change = useAction(async () => {
    try {
      await ask(allowed ? gateway.withdrawSupport() : gateway.allowSupport());
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 401) await refresh();
      throw error;
    }
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: read once when the page opens.
  useEffect(() => {
    void load.run();
  }, []);

  const allowed = support?.until != null && Date.parse(support.until) > now;
  const problem = load.problem ?? change.problem;
  return (
    <section className="card data-card" aria-labelledby="support">
      <h2 id="support">Help from support</h2>
      <p>
        When you ask us for help, we can look at your account as you see it, for half an hour at a time. We
        change nothing and take no copy unless you allow it here. Your payment, your password, your address
        and deleting stay yours alone.
      </p>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      {!support && !problem && <Spinner label="Loading" />}
      {!support && load.problem && (
        <button type="button" className="text-button" onClick={() => void load.run()}>
          Try again
        </button>
      )}
      {support && (
        <>
          <p role="status">
            {allowed && support.until ? (
              <>
                <strong>Support may act for you</strong> and take copies until {momentOf(support.until)}.
              </>
            ) : (
              <strong>Support may only look.</strong>
            )}
          </p>
          {seenBy ? (
            <p className="field-hint">The owner alone can allow more, or take it back.</p>
          ) : (
            <button
              type="button"
              className="button button-quiet"
              aria-disabled={change.busy}
              onClick={() => void change.run()}
            >
              {change.busy ? "One moment…" : allowed ? "Take that back" : "Allow more for 24 hours"}
            </button>
          )}
          {allowed && !seenBy && (
            <p className="field-hint">Taking it back also ends what support is looking at now.</p>
          )}
          <Looks support={support} />
        </>
      )}
    </section>
  );
}

function Looks({ support }: { support: Support }) {
  if (support.looks.length === 0)
    return <p className="field-hint">Support has never looked at your account.</p>;
  return (
    <>
      <h3 id="looks">When support looked</h3>
      <ul className="copies" aria-labelledby="looks">
        {support.looks.map(({ at, mayChange }) => (
          <li key={at}>
            {momentOf(at)}
            {mayChange && ", when you had allowed more"}
          </li>
        ))}
      </ul>
    </>
  );
}
