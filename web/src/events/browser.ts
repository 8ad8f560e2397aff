import type { Environment } from "./sharedStream";

/** The shared stream's environment in a real browser. */
export const browserEnvironment: Environment = {
  createSource: () => new EventSource("/api/events"),
  createChannel: (name) => new BroadcastChannel(name),
  locks: navigator.locks as LockManager | undefined,
  isVisible: () => document.visibilityState === "visible",
  onVisibility: (changed) => {
    const shownOrHidden = () => changed(false);
    const woken = () => changed(true);
    const restored = (event: PageTransitionEvent) => {
      if (event.persisted) changed(true);
    };
    document.addEventListener("visibilitychange", shownOrHidden);
    document.addEventListener("resume", woken);
    window.addEventListener("pageshow", restored);
    return () => {
      document.removeEventListener("visibilitychange", shownOrHidden);
      document.removeEventListener("resume", woken);
      window.removeEventListener("pageshow", restored);
    };
  },
};
