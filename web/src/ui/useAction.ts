import { useState } from "react";
import { ApiFailure } from "../api/http";

/** A request that a button sends: at most one at a time, and the sentence to show when it is refused. */
export function useAction(action: () => Promise<void>) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const run = async () => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await action();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setProblem(error.sentence);
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, run };
}
