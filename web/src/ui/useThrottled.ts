import { useEffect, useRef, useState } from "react";

/** Follows `value`, but changes at most once in `interval` milliseconds. */
export function useThrottled<T>(value: T, interval: number): T {
  const [shown, setShown] = useState(value);
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  }, [value]);
  useEffect(() => {
    const timer = setInterval(() => setShown(latest.current), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return shown;
}
