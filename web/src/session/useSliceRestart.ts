import { useState } from "react";
import { gateway } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { useSession } from "./SessionProvider";
import { useHold } from "./useHold";

/** Seconds between two restarts that a person asks for, as the server has them. */
const betweenRestarts = 300;

export interface SliceRestart {
  busy: boolean;
  /** It was asked for lately, and is under way. */
  asked: boolean;
  /** The sentence to show when it was refused. */
  problem: string | null;
  /** Seconds until it may be asked for again; 0 when it may. */
  held: number;
  run(): Promise<void>;
}

/** Has the slice of whoever is logged in restarted, or started again where it has failed. */
export function useSliceRestart(): SliceRestart {
  const { refresh } = useSession();
  const [busy, setBusy] = useState(false);
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [held, hold] = useHold();

  const run = async () => {
    if (busy || held > 0) return;
    setBusy(true);
    setAsked(false);
    setProblem(null);
    try {
      await gateway.restartSlice();
      setAsked(true);
      hold(betweenRestarts);
      await refresh();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setProblem(error.sentence);
      if (error.status === 429) hold(error.retryAfter ?? betweenRestarts);
      // It is something else by now than this page believes, or nobody is logged in.
      if (error.status === 409 || error.status === 401) await refresh();
    } finally {
      setBusy(false);
    }
  };
  // One that has not helped by then may be asked for again.
  return { busy, asked: asked && held > 0, problem, held, run };
}
