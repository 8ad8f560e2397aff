import { Redirect, useRoute } from "wouter";
import { Icon } from "../ui/Icon";
import { mustLink } from "../workspace/connection";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { ChatList } from "./ChatList";
import { ConversationPane } from "./ConversationPane";
import { chatIdOf } from "./chatPath";
import { LoadingInbox } from "./LoadingInbox";
import { NewMessagePane } from "./NewMessagePane";

/** The list of chats, and beside it (on a phone instead of it) what was chosen. */
export function InboxPage() {
  const [, chat] = useRoute("/chats/:id");
  const [writesNew] = useRoute("/new");
  const isLoaded = useWorkspaceState(({ chats }) => chats !== null);
  const linkFirst = useWorkspaceState(mustLink);

  if (!isLoaded) return <LoadingInbox />;
  if (linkFirst) return <Redirect to="/connect" replace />;

  const chatId = chat ? chatIdOf(chat.id) : null;
  return (
    <div className={`inbox ${chatId || writesNew ? "inbox-chosen" : ""}`}>
      <ChatList chosen={chatId} />
      <div className="pane">
        {writesNew ? (
          <NewMessagePane />
        ) : chatId ? (
          <ConversationPane key={chatId} chatId={chatId} />
        ) : (
          <NothingChosen />
        )}
      </div>
    </div>
  );
}

function NothingChosen() {
  return (
    <div className="pane-empty">
      <span className="panel-icon">
        <Icon name="chat" />
      </span>
      <p>Choose a chat to read it here.</p>
    </div>
  );
}
