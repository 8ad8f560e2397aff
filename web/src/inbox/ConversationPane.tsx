import { useEffect } from "react";
import { Link } from "wouter";
import { useMayChange, useSeenBy } from "../sight/useSeenBy";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { Spinner } from "../ui/Spinner";
import { emptyConversation } from "../workspace/state";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";
import { Avatar } from "./Avatar";
import { Composer } from "./Composer";
import { nameOfUnlisted } from "./chatPath";
import { MessageList } from "./MessageList";
import { useVisible } from "./useVisible";

/** One chat: its messages, kept current, and the box to write in. */
export function ConversationPane({ chatId }: { chatId: string }) {
  const workspace = useWorkspace();
  const chat = useWorkspaceState(({ chats }) => chats?.find(({ id }) => id === chatId));
  const conversation = useWorkspaceState((state) => state.conversations.get(chatId)) ?? emptyConversation;
  const visible = useVisible();
  const seenBy = useSeenBy();
  const mayChange = useMayChange();

  useEffect(() => {
    void workspace.openChat(chatId);
    return () => workspace.closeChat(chatId);
  }, [workspace, chatId]);

  const unread = chat?.unread ?? 0;
  useEffect(() => {
    // What arrives in a tab that nobody looks at has not been read, nor what an operator looks at.
    if (visible && unread > 0 && conversation.loaded && !seenBy) void workspace.markRead(chatId);
  }, [workspace, chatId, visible, unread, conversation.loaded, seenBy]);

  const number = chat ? chat.phoneNumber : null;
  const name = chat?.name ?? nameOfUnlisted(chatId);
  return (
    <section className="conversation" aria-label={`Chat with ${name}`}>
      <header className="pane-head">
        <Link href="/" className="icon-button pane-back">
          <Icon name="back" />
          <span className="visually-hidden">Back to the inbox</span>
        </Link>
        <Avatar id={chatId} name={name} />
        <div className="pane-title">
          <PageHeading title={name}>{name}</PageHeading>
          {number && number !== name && <p>{number}</p>}
        </div>
      </header>
      {conversation.problem && (
        <Notice kind="bad" announced>
          {conversation.problem}{" "}
          <button type="button" className="text-button" onClick={() => void workspace.fetchNewest(chatId)}>
            Try again
          </button>
        </Notice>
      )}
      {conversation.loaded ? (
        <MessageList chatId={chatId} name={name} conversation={conversation} />
      ) : (
        <div className="messages-loading">
          {!conversation.problem && <Spinner label="Loading messages" />}
        </div>
      )}
      {conversation.loaded && mayChange && <Composer chatId={chatId} name={name} />}
      {!mayChange && <p className="composer composer-closed">You are looking: nothing can be sent.</p>}
    </section>
  );
}
