import { hasTimedOut } from "../workspace/connection";
import type { WorkspaceState } from "../workspace/state";

/** Where the linking stands, as the pages show it. */
export type LinkStep = "settingUp" | "scan" | "timedOut" | "syncing" | "ready" | "problem";

export function linkStep({ status, qr }: Pick<WorkspaceState, "status" | "qr">): LinkStep {
  if (!status) return "settingUp";
  switch (status.state) {
    case "starting":
      return "settingUp";
    case "qr":
      return qr ? "scan" : "settingUp";
    case "authenticated":
      return "syncing";
    case "ready":
      return "ready";
    case "disconnected":
      return hasTimedOut(status) ? "timedOut" : "problem";
    case "logged_out":
    case "passkey":
    case "restricted":
    case "failed":
      return "problem";
  }
}

/** Seconds of setting up after which the person may start over. */
export const startOverAfter = 90;

/** What is said while the workspace starts, by the seconds it has taken. */
export function settingUpWords(seconds: number): string {
  if (seconds < 20)
    return "Starting WhatsApp in your private workspace. The code appears here in a few seconds.";
  if (seconds < 45) return "Still starting. The first time can take up to a minute.";
  if (seconds < startOverAfter)
    return "This takes longer than usual, but it is still under way. Please keep this page open.";
  return "This takes much longer than it should. You can go on waiting, or start over.";
}
