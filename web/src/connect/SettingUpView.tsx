import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { minutesAndSeconds } from "../ui/time";
import { useElapsed } from "../ui/useNow";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { RestartButton } from "./RestartButton";
import { settingUpWords, startOverAfter } from "./step";

export function SettingUpView() {
  const seconds = useElapsed();
  const trouble = useWorkspaceState((state) => state.trouble);
  return (
    <div className="centred">
      <PageHeading title="Setting up">Setting things up</PageHeading>
      <p aria-live="polite">
        {trouble
          ? "Your workspace is restarting and does not answer yet. This page tries again by itself."
          : settingUpWords(seconds)}
      </p>
      <Spinner label="Setting up" />
      <p className="elapsed">
        Elapsed <span role="timer">{minutesAndSeconds(seconds)}</span>
      </p>
      {seconds >= startOverAfter && <RestartButton label="Start over" quiet />}
    </div>
  );
}
