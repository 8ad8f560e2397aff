import { RestartSilentSlice } from "../session/RestartSlice";
import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { minutesAndSeconds } from "../ui/time";
import { useElapsed } from "../ui/useNow";
import type { Trouble } from "../workspace/state";
import { useStuck } from "../workspace/useStuck";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { RestartButton } from "./RestartButton";
import { settingUpWords, startOverAfter } from "./step";

const troubleWords: Record<Trouble, string> = {
  offline: "There is no connection. Check your network; this page tries again by itself.",
  restarting: "Your workspace is restarting and does not answer yet. This page tries again by itself.",
};

export function SettingUpView() {
  const seconds = useElapsed();
  const trouble = useWorkspaceState((state) => state.trouble);
  const isStuck = useStuck();
  // Over a page that shows chats there is a banner for it.
  const offersRestart = useWorkspaceState(({ chats }) => chats === null) && isStuck;
  return (
    <div className="centred">
      <PageHeading title="Setting up">Setting things up</PageHeading>
      <p aria-live="polite">{trouble ? troubleWords[trouble] : settingUpWords(seconds)}</p>
      <Spinner label="Setting up" />
      <p className="elapsed">
        Elapsed <span role="timer">{minutesAndSeconds(seconds)}</span>
      </p>
      {offersRestart && <RestartSilentSlice />}
      {seconds >= startOverAfter && !trouble && <RestartButton label="Start over" quiet />}
    </div>
  );
}
