import { type FormEvent, type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { Icon } from "../ui/Icon";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";

/** The longest text WhatsApp takes, in characters. */
export const maxTextLength = 65_536;

/** The box to write in. Enter sends, Shift+Enter makes a new line; what is typed is kept while one looks elsewhere. */
export function Composer({ chatId, name }: { chatId: string; name: string }) {
  const workspace = useWorkspace();
  const ready = useWorkspaceState(({ status }) => status?.state === "ready");
  const [text, setText] = useState(() => workspace.drafts.get(chatId) ?? "");
  const box = useRef<HTMLTextAreaElement>(null);
  const reason = useId();
  const canSend = ready && text.trim() !== "";

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);

  const type = (value: string) => {
    setText(value);
    workspace.drafts.set(chatId, value);
  };

  const send = () => {
    if (!canSend) return;
    void workspace.send(chatId, text.trim());
    type("");
    box.current?.focus();
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };

  const keyDown = (event: KeyboardEvent) => {
    // While a word is being composed (Japanese, Chinese, …) Enter belongs to the input method.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form className="composer" onSubmit={submit}>
      {!ready && (
        <p className="composer-reason" id={reason}>
          WhatsApp is not connected, so nothing can be sent now. <Link href="/connect">See why</Link>
        </p>
      )}
      <div className="composer-row">
        <textarea
          ref={box}
          rows={1}
          aria-label={`Message to ${name}`}
          aria-describedby={ready ? undefined : reason}
          placeholder="Write a message"
          maxLength={maxTextLength}
          value={text}
          onChange={(event) => type(event.target.value)}
          onKeyDown={keyDown}
        />
        <button type="submit" className="send-button" aria-disabled={!canSend}>
          <Icon name="send" />
          <span className="visually-hidden">Send</span>
        </button>
      </div>
    </form>
  );
}
