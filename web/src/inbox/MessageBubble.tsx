import { memo } from "react";
import { clockTime } from "../ui/time";
import type { ShownMessage } from "../workspace/messages";
import { useWorkspace } from "../workspace/WorkspaceProvider";
import { AckMark } from "./AckMark";
import { MediaView } from "./MediaView";

interface Props {
  message: ShownMessage;
  /** Who the chat is with. */
  name: string;
}

export const MessageBubble = memo(function MessageBubble({ message, name }: Props) {
  const workspace = useWorkspace();
  const failed = message.ack === "failed";
  return (
    <li
      className={`message ${message.fromMe ? "message-out" : "message-in"} ${failed ? "message-failed" : ""}`}
    >
      <div className="bubble">
        {message.author ? (
          <span className="bubble-author">{message.author.name}</span>
        ) : (
          <span className="visually-hidden">{message.fromMe ? "You" : name}: </span>
        )}
        <MediaView message={message} name={name} />
        {message.text !== "" && (
          <span className="bubble-text" dir="auto">
            {message.text}
          </span>
        )}
        <span className="bubble-foot">
          <time dateTime={message.at}>{clockTime(message.at)}</time>
          {message.fromMe && <AckMark ack={message.ack} />}
        </span>
      </div>
      {failed && (
        <div className="message-problem" role="alert">
          <span>Not sent. {message.problem}</span>
          <button type="button" className="text-button" onClick={() => void workspace.retry(message)}>
            Send again
          </button>
          {message.problem && (
            <button type="button" className="text-button" onClick={() => workspace.discard(message)}>
              Discard
            </button>
          )}
        </div>
      )}
    </li>
  );
});
