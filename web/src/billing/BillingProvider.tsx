import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { type BillingStatus, billing, type Export } from "../api/billing";
import { ApiFailure } from "../api/http";
import { backoff } from "../events/backoff";
import { useSession } from "../session/SessionProvider";

interface Billing {
  /** null: not known yet, or nobody is logged in. */
  status: BillingStatus | null;
  /** The newest first; null: not known yet. */
  exports: Export[] | null;
  /** The server could not be asked, which is tried again by itself. */
  failed: boolean;
  /** Asks again. Never throws. */
  refresh(): Promise<void>;
  /** Takes what the server answered to a change. */
  take(status: BillingStatus): void;
  /** Takes an export that was just begun. */
  begun(one: Export): void;
}

const BillingContext = createContext<Billing | null>(null);

/** How often a copy that is being made is asked for, in milliseconds. */
const exportInterval = 2_000;

/** Who comes back to the page sees what is not older than this, in milliseconds. */
const freshness = 60_000;

export const isUnderWay = ({ status }: Export) => status === "waiting" || status === "running";

/** Knows what is paid, and which copies there are: asked on load, when the account changes, and on return. */
export function BillingProvider({ children }: { children: ReactNode }) {
  const { session, refresh: askWho } = useSession();
  const [status, setStatus] = useState<BillingStatus | null>(null);
  const [exports, setExports] = useState<Export[] | null>(null);
  const [failures, setFailures] = useState(0);
  // Counts what was learned: an answer that was asked for before that is not news any more.
  const turn = useRef(0);
  const askedAt = useRef(0);

  const refresh = useCallback(async () => {
    const mine = ++turn.current;
    askedAt.current = Date.now();
    const [now, copies] = await Promise.allSettled([billing.status(), billing.exports()]);
    const problems = [now, copies].flatMap((one) =>
      one.status === "rejected" ? [one.reason as unknown] : [],
    );
    for (const problem of problems) {
      if (!(problem instanceof ApiFailure)) throw problem;
    }
    if (problems.some((problem) => (problem as ApiFailure).status === 401)) return await askWho();
    if (mine !== turn.current) return;
    if (now.status === "fulfilled") setStatus(now.value);
    if (copies.status === "fulfilled") setExports(copies.value.exports);
    setFailures((before) => (problems.length > 0 ? before + 1 : 0));
  }, [askWho]);

  const take = useCallback((next: BillingStatus) => {
    turn.current++;
    setStatus(next);
  }, []);
  const begun = useCallback((one: Export) => {
    turn.current++;
    setExports((before) => [one, ...(before ?? []).filter(({ id }) => id !== one.id)]);
  }, []);

  const me = session.kind === "signedIn" ? session.me : null;
  const user = me?.user.id ?? null;
  const known = me && `${user} ${me.user.subscriptionStatus} ${me.slice?.status}`;
  useEffect(() => {
    if (known !== null) void refresh();
  }, [known, refresh]);

  // What one person's account has is nobody's who logs in next.
  const [shownTo, setShownTo] = useState(user);
  if (shownTo !== user) {
    setShownTo(user);
    setStatus(null);
    setExports(null);
    setFailures(0);
  }

  useEffect(() => {
    if (failures === 0 || user === null) return;
    const timer = setTimeout(refresh, backoff(failures));
    return () => clearTimeout(timer);
  }, [failures, user, refresh]);

  useEffect(() => {
    if (user === null) return;
    const seen = () => {
      const isOld = Date.now() - askedAt.current > freshness;
      if (document.visibilityState === "visible" && isOld) void refresh();
    };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [user, refresh]);

  const underWay = exports?.some(isUnderWay) ?? false;
  useEffect(() => {
    if (!underWay) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void refresh();
    }, exportInterval);
    return () => clearInterval(timer);
  }, [underWay, refresh]);

  const value = useMemo<Billing>(
    () => ({ status, exports, failed: failures > 0, refresh, take, begun }),
    [status, exports, failures, refresh, take, begun],
  );
  return <BillingContext value={value}>{children}</BillingContext>;
}

export function useBilling(): Billing {
  const value = useContext(BillingContext);
  if (!value) throw new Error("useBilling needs a BillingProvider above it");
  return value;
}
