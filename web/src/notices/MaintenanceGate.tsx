import type { ReactNode } from "react";
import { useSession } from "../session/SessionProvider";
import { MaintenancePage } from "./MaintenancePage";

/** Shows the page about maintenance in place of all others to somebody who is logged in. */
export function MaintenanceGate({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const maintenance = session.kind === "signedIn" ? session.me.maintenance : null;
  return maintenance ? <MaintenancePage maintenance={maintenance} /> : children;
}
