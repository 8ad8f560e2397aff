import type { ReactNode } from "react";
import { StorageBanner } from "../data/StorageBanner";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { ConnectionChip } from "./ConnectionChip";
import { SignedInLayout } from "./SignedInLayout";
import { StuckBanner } from "./StuckBanner";

/** The frame of the pages that show a workspace. */
export function AppShell({ children }: { children: ReactNode }) {
  const simulated = useWorkspaceState(({ status }) => status?.standIn);
  return (
    <SignedInLayout
      banner={
        <>
          {simulated && <SimulatedBanner />}
          <StuckBanner />
          <StorageBanner />
        </>
      }
      bar={<ConnectionChip />}
    >
      {children}
    </SignedInLayout>
  );
}

function SimulatedBanner() {
  return (
    <p className="banner" role="note">
      <strong>Simulated phone:</strong> for development and demonstrations; no real WhatsApp
    </p>
  );
}
