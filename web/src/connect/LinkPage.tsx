import type { ReactNode } from "react";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { ProblemView } from "./ProblemView";
import { ReadyView } from "./ReadyView";
import { ScanView } from "./ScanView";
import { SettingUpView } from "./SettingUpView";
import { Steps } from "./Steps";
import { SyncingView } from "./SyncingView";
import { type LinkStep, linkStep } from "./step";
import { TimedOutView } from "./TimedOutView";

const views: Record<LinkStep, (props: { again: boolean }) => ReactNode> = {
  settingUp: SettingUpView,
  scan: ScanView,
  timedOut: TimedOutView,
  syncing: SyncingView,
  ready: ReadyView,
  problem: ProblemView,
};

interface Props {
  /** For somebody whose phone was linked before, and came by a mail that says so. */
  again?: boolean;
}

/** The linking itself, following the state of the slice by itself. */
export function LinkPage({ again = false }: Props) {
  const step = useWorkspaceState(linkStep);
  const View = views[step];
  return (
    <div className="connect">
      <Steps step={step} />
      <section className="card connect-card">
        <View again={again} />
      </section>
    </div>
  );
}
