import { useEffect, useState } from "react";
import { serverNow } from "../api/clock";

/** The server's time in milliseconds, renewed every `interval` milliseconds. */
export function useNow(interval = 1_000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now;
}

/** Whole seconds since the component appeared. */
export function useElapsed(): number {
  const [since] = useState(serverNow);
  return Math.max(0, Math.floor((useNow() - since) / 1_000));
}
