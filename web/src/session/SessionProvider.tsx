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
import { useLocation } from "wouter";
import { type Credentials, gateway, type Me } from "../api/gateway";
import { ApiFailure, onMaintenance } from "../api/http";
import { backoff } from "../events/backoff";
import { useAction } from "../ui/useAction";

export type Session =
  /** Not known yet; `failed` once the server could not be asked, which is tried again by itself. */
  { kind: "unknown"; failed: boolean } | { kind: "signedOut" } | { kind: "signedIn"; me: Me };

interface SessionActions {
  session: Session;
  /** Asks again who is logged in. Never throws: a server that is down changes nothing. */
  refresh(): Promise<void>;
  /** Throws ApiFailure. */
  login(credentials: Credentials): Promise<void>;
  /** Throws ApiFailure. */
  register(credentials: Credentials): Promise<void>;
  /** Throws ApiFailure. */
  logout(): Promise<void>;
  /** Takes what the server answered to a change of the account. */
  take(me: Me): void;
  /** Asks anew, in this tab and the others, after something changed without an answer that says how. */
  changed(): Promise<void>;
  /** What somebody has typed and not sent, by chat id: it outlives the pages it was typed on. */
  draftsOf(user: number): Map<string, string>;
}

const SessionContext = createContext<SessionActions | null>(null);

/** How often somebody without a slice that runs asks again, in milliseconds: while something is under way… */
const shortInterval = 2_000;
/** …while a payment, or an operator, may have it run again… */
const pausedInterval = 5_000;
/** …and while somebody else has to act first. */
const longInterval = 30_000;

/** null for those who are told by other means. */
function intervalOf(session: Session): number | null {
  if (session.kind !== "signedIn" || session.me.maintenance) return null;
  const { slice, waiting, seenBy } = session.me;
  if (!slice) return waiting && !waiting.full ? shortInterval : longInterval;
  if (slice.moving || slice.status === "destroying") return shortInterval;
  if (slice.status === "suspended") return pausedInterval;
  // What the owner allows an operator, or ends, is told to nobody.
  return slice.status === "assigned" && !seenBy ? null : longInterval;
}

/** null when the server could not be asked. */
async function ask(): Promise<Session | null> {
  try {
    return { kind: "signedIn", me: await gateway.me() };
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    return error.status === 401 ? { kind: "signedOut" } : null;
  }
}

/** Knows who is logged in: asks on load, and again whenever an answer or another tab says that it changed. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const [session, setSession] = useState<Session>({ kind: "unknown", failed: false });
  const tabs = useRef<BroadcastChannel | null>(null);
  // Counts what was learned: an answer that was asked for before that is not news any more.
  const turn = useRef(0);
  const drafts = useRef({ user: 0, texts: new Map<string, string>() });

  const learn = useCallback((next: Session) => {
    turn.current++;
    setSession(next);
  }, []);

  const refresh = useCallback(async () => {
    const mine = ++turn.current;
    const answer = await ask();
    if (mine !== turn.current) return;
    setSession(
      (before) => answer ?? (before.kind === "unknown" ? { kind: "unknown", failed: true } : before),
    );
  }, []);

  useEffect(() => {
    const channel = new BroadcastChannel("session");
    channel.onmessage = () => void refresh();
    tabs.current = channel;
    void refresh();
    const deaf = onMaintenance(() => void refresh());
    return () => {
      deaf();
      channel.close();
    };
  }, [refresh]);

  useEffect(() => {
    if (session.kind !== "unknown" || !session.failed) return;
    // A failed try leaves a new session object, so this runs again until the server answers.
    const timer = setTimeout(refresh, backoff(2));
    return () => clearTimeout(timer);
  }, [session, refresh]);

  const interval = intervalOf(session);
  // Meanwhile a link in a mail may have been followed, or something announced.
  const asksOnReturn = session.kind === "signedIn";
  useEffect(() => {
    if (!asksOnReturn) return;
    const askIfSeen = () => {
      if (document.visibilityState === "visible") void refresh();
    };
    const timer = interval === null ? undefined : setInterval(askIfSeen, interval);
    // Who comes back to the page does not wait for the next turn.
    document.addEventListener("visibilitychange", askIfSeen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", askIfSeen);
    };
  }, [asksOnReturn, interval, refresh]);

  const actions = useMemo<SessionActions>(() => {
    const take = (me: Me) => {
      learn({ kind: "signedIn", me });
      tabs.current?.postMessage("changed");
    };
    return {
      session,
      refresh,
      login: async (credentials) => take(await gateway.login(credentials)),
      register: async (credentials) => take(await gateway.register(credentials)),
      logout: async () => {
        await gateway.logout();
        learn({ kind: "signedOut" });
        drafts.current = { user: 0, texts: new Map() };
        tabs.current?.postMessage("changed");
      },
      take,
      changed: async () => {
        await refresh();
        tabs.current?.postMessage("changed");
      },
      draftsOf: (user) => {
        if (drafts.current.user !== user) drafts.current = { user, texts: new Map() };
        return drafts.current.texts;
      },
    };
  }, [session, refresh, learn]);

  return <SessionContext value={actions}>{children}</SessionContext>;
}

export function useSession(): SessionActions {
  const value = useContext(SessionContext);
  if (!value) throw new Error("useSession needs a SessionProvider above it");
  return value;
}

/** Who is logged in, for pages that are shown only then. */
export function useMe(): Me {
  const { session } = useSession();
  if (session.kind !== "signedIn") throw new Error("useMe needs somebody who is logged in");
  return session.me;
}

/** Logs out and goes to the login, with the sentence to show when that was refused. */
export function useLogOut() {
  const { logout } = useSession();
  const [, navigate] = useLocation();
  return useAction(async () => {
    await logout();
    navigate("/login", { replace: true });
  });
}

/** The brand: what the server says, or before a login what the page was built with. */
export function useBrand(): string {
  const { session } = useSession();
  if (session.kind === "signedIn") return session.me.brand;
  return document.querySelector<HTMLMetaElement>('meta[name="application-name"]')?.content ?? "";
}
