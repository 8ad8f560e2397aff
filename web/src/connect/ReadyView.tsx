import { Link } from "wouter";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";

export function ReadyView() {
  const phoneNumber = useWorkspaceState((state) => state.status?.phoneNumber ?? null);
  const chats = useWorkspaceState((state) => state.chats?.length ?? 0);
  return (
    <div className="centred">
      <span className="panel-icon">
        <Icon name="check" />
      </span>
      <PageHeading title="WhatsApp is connected">WhatsApp is connected</PageHeading>
      <p>
        {phoneNumber && (
          <>
            Linked with <strong>{phoneNumber}</strong>.{" "}
          </>
        )}
        {chats > 0 && `${chats} ${chats === 1 ? "chat is" : "chats are"} in your inbox. `}
        New messages arrive by themselves.
      </p>
      <Link href="/" className="button button-wide">
        Go to the inbox
      </Link>
    </div>
  );
}
