import { useRef, useState } from "react";
import { ApiFailure } from "../api/http";

/**
 * A value that is saved with every change, one request at a time: what is changed meanwhile is sent
 * after it, the newest alone. `saved` is what the server has; a change that is refused goes back to it.
 */
export function useSaved<T>(saved: T, send: (value: T) => Promise<void>) {
  const [wanted, setWanted] = useState<{ value: T } | null>(null);
  const [state, setState] = useState<"asIs" | "saving" | "saved">("asIs");
  const [problem, setProblem] = useState<string | null>(null);
  const next = useRef<{ value: T } | null>(null);
  const sending = useRef(false);

  const save = async (value: T) => {
    next.current = { value };
    setWanted(next.current);
    setState("saving");
    setProblem(null);
    if (sending.current) return;
    sending.current = true;
    try {
      while (next.current) {
        const now = next.current;
        next.current = null;
        await send(now.value);
      }
      setState("saved");
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      next.current = null;
      setState("asIs");
      setProblem(error.sentence);
    } finally {
      sending.current = false;
      setWanted(null);
    }
  };
  return { value: wanted ? wanted.value : saved, state, problem, save };
}
