import { Link } from "wouter";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";

export function ReadyView({ again }: { again: boolean }) {
  const phoneNumber = useWorkspaceState((state) => state.status?.phoneNumber ?? null);
  const chats = useWorkspaceState((state) => state.chats?.length ?? 0);
  const heading = again ? "WhatsApp is connected again" : "WhatsApp is connected";
  return (
    <div className="centred">
      <span className="panel-icon">
        <Icon name="check" />
      </span>
      <PageHeading title={heading}>{heading}</PageHeading>
      <p>
        {phoneNumber && (
          <>
            Linked with <strong>{phoneNumber}</strong>.{" "}
          </>
        )}
        {chats > 0 && `${chats} ${chats === 1 ? "chat is" : "chats are"} in your inbox. `}
        {again ? "There is nothing left to do: new messages come in." : "New messages arrive by themselves."}
      </p>
      <Link href="/" className="button button-wide">
        Go to the inbox
      </Link>
    </div>
  );
}
