import { useEffect, useMemo, useRef, useState } from "react";
import { Icon } from "../ui/Icon";
import { dayName } from "../ui/time";
import type { Conversation } from "../workspace/state";
import { useWorkspace } from "../workspace/WorkspaceProvider";
import { byDay } from "./days";
import { MessageBubble } from "./MessageBubble";
import { previewOf } from "./preview";
import { useScrollPlace } from "./useScrollPlace";

interface Props {
  chatId: string;
  name: string;
  conversation: Conversation;
}

/** The messages of a chat by day. Scrolling up loads older ones; new ones never move what is being read. */
export function MessageList({ chatId, name, conversation }: Props) {
  const workspace = useWorkspace();
  const { messages, before } = conversation;
  const days = useMemo(() => byDay(messages), [messages]);
  const { box, top, isAtEnd, toEnd, isAtTop } = useScrollPlace(messages);
  const [loading, setLoading] = useState(false);
  const newest = messages.at(-1);
  const unseen = useUnseen(newest?.id, isAtEnd);

  const loadOlder = async () => {
    if (loading) return;
    setLoading(true);
    await workspace.loadOlder(chatId);
    setLoading(false);
  };

  const wantsOlder = isAtTop && before !== null && conversation.problem === null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page that leaves the top in sight must ask for the next, so its marker counts.
  useEffect(() => {
    if (wantsOlder) void loadOlder();
  }, [wantsOlder, before]);

  return (
    <div className="messages-frame">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <section className="messages" ref={box} tabIndex={0} aria-label={`Messages with ${name}`}>
        <div ref={top} className="messages-top">
          {before ? (
            <button type="button" className="text-button" onClick={loadOlder}>
              {loading ? "Loading older messages…" : "Load older messages"}
            </button>
          ) : (
            <p>{messages.length > 0 ? "This is the beginning of the chat" : "No messages yet. Say hello."}</p>
          )}
        </div>
        {days.map((day) => (
          <section key={day.at} aria-label={dayName(day.at)}>
            <h2 className="day">
              <span>{dayName(day.at)}</span>
            </h2>
            <ol className="day-messages">
              {day.messages.map((message) => (
                <MessageBubble key={message.id} message={message} name={name} />
              ))}
            </ol>
          </section>
        ))}
      </section>
      {!isAtEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          <Icon name="down" />
          {unseen ? "New messages" : <span className="visually-hidden">To the newest message</span>}
        </button>
      )}
      <p className="visually-hidden" aria-live="polite">
        {newest && !newest.fromMe && unseenOrFresh(newest.at) && `${name}: ${previewOf(newest)}`}
      </p>
    </div>
  );
}

/** Only what arrives while one looks is read out, not the history that opening a chat brings. */
function unseenOrFresh(at: string): boolean {
  return Date.now() - Date.parse(at) < 10_000;
}

/** True while a message has come that was not scrolled to. */
function useUnseen(newestId: string | undefined, isAtEnd: boolean): boolean {
  const seen = useRef(newestId);
  useEffect(() => {
    if (isAtEnd) seen.current = newestId;
  }, [isAtEnd, newestId]);
  return !isAtEnd && seen.current !== newestId;
}
