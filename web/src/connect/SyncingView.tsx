import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { useThrottled } from "../ui/useThrottled";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";

/** How often the counts are read out, in milliseconds: several a second could not be followed. */
const readOutEvery = 3_000;

export function SyncingView() {
  const sync = useWorkspaceState((state) => state.sync);
  const contacts = sync?.contacts ?? 0;
  const chats = sync?.chats ?? 0;
  const spoken = useThrottled(`${contacts} contacts and ${chats} chats so far`, readOutEvery);
  return (
    <div className="centred">
      <PageHeading title="Syncing">Linked. Now syncing</PageHeading>
      <p>Your contacts and chats are coming in from the phone. Keep it switched on and online.</p>
      <dl className="counters">
        <div>
          <dt>Contacts</dt>
          <dd>{contacts}</dd>
        </div>
        <div>
          <dt>Chats</dt>
          <dd>{chats}</dd>
        </div>
      </dl>
      <p className="visually-hidden" aria-live="polite">
        {spoken}
      </p>
      <Spinner label="Syncing" />
    </div>
  );
}
