import { memo, useDeferredValue, useMemo, useState } from "react";
import { Link } from "wouter";
import type { Chat } from "../api/slice";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { listTime } from "../ui/time";
import { useNow } from "../ui/useNow";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { AckMark } from "./AckMark";
import { Avatar } from "./Avatar";
import { chatPath } from "./chatPath";
import { previewOf } from "./preview";
import { chatMatches } from "./search";

const none: readonly Chat[] = [];

/** All chats, newest first, with a search over them. */
export function ChatList({ chosen }: { chosen: string | null }) {
  const chats = useWorkspaceState((state) => state.chats) ?? none;
  const [query, setQuery] = useState("");
  const sought = useDeferredValue(query);
  const found = useMemo(() => chats.filter((chat) => chatMatches(chat, sought)), [chats, sought]);
  const unread = chats.reduce((sum, chat) => sum + chat.unread, 0);
  // Renews "Yesterday" and the like over midnight.
  useNow(60_000);

  return (
    <section className="chat-list" aria-label="Chats">
      <header className="chat-list-head">
        <ListHeading unread={unread} isAlone={chosen === null} />
        <Link href="/new" className="icon-button" title="New message">
          <Icon name="compose" />
          <span className="visually-hidden">New message</span>
        </Link>
      </header>
      <div className="search">
        <Icon name="search" />
        <input
          type="search"
          aria-label="Search chats"
          placeholder="Search chats"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </div>
      <p className="visually-hidden" aria-live="polite">
        {sought && `${found.length} of ${chats.length} chats found`}
      </p>
      {chats.length === 0 && (
        <p className="list-empty">No chats yet. They appear here as soon as somebody writes to you.</p>
      )}
      {chats.length > 0 && found.length === 0 && <p className="list-empty">No chat matches “{sought}”.</p>}
      <ul className="chats" aria-label="All chats">
        {found.map((chat) => (
          <ChatRow key={chat.id} chat={chat} isChosen={chat.id === chosen} />
        ))}
      </ul>
    </section>
  );
}

/** The heading of the page when no chat is open; beside one it is only the list's. */
function ListHeading({ unread, isAlone }: { unread: number; isAlone: boolean }) {
  const title = unread > 0 ? `(${unread}) Inbox` : "Inbox";
  if (isAlone) return <PageHeading title={title}>Inbox</PageHeading>;
  return <h2>Inbox</h2>;
}

const ChatRow = memo(function ChatRow({ chat, isChosen }: { chat: Chat; isChosen: boolean }) {
  const last = chat.lastMessage;
  return (
    <li>
      <Link
        href={chatPath(chat.id)}
        className={`chat-row ${isChosen ? "chat-row-chosen" : ""}`}
        aria-current={isChosen ? "page" : undefined}
      >
        <Avatar id={chat.id} name={chat.name} />
        <span className="chat-row-name">{chat.name}</span>
        {last && (
          <time className="chat-row-time" dateTime={last.at}>
            {listTime(last.at)}
          </time>
        )}
        <span className="chat-row-last">
          {last?.fromMe && <AckMark ack={last.ack} />}
          <span className="chat-row-text">
            {last?.fromMe && <span className="visually-hidden">You: </span>}
            {last ? previewOf(last) : "No messages yet"}
          </span>
        </span>
        {chat.unread > 0 && (
          <span className="badge">
            {chat.unread}
            <span className="visually-hidden"> unread</span>
          </span>
        )}
      </Link>
    </li>
  );
});
