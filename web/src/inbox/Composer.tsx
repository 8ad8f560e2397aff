import {
  type ClipboardEvent,
  type FormEvent,
  type KeyboardEvent,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Link } from "wouter";
import { Icon } from "../ui/Icon";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";
import { StagedFiles } from "./StagedFiles";
import { useDroppedFiles } from "./useDroppedFiles";

/** The longest text WhatsApp takes, in characters. */
export const maxTextLength = 65_536;

/** The largest file a slice takes, in MB of 2^20 bytes (its MEDIA_MAX_BYTES). */
const maxFileMegabytes = 60;

/** So many messages that wait to be sent need a word about why. */
const manyWaiting = 3;

/**
 * The box to write in. Enter sends, Shift+Enter makes a new line; what is typed is kept while one
 * looks elsewhere. Files are chosen, dropped or pasted; each is a message, the text goes with the first.
 */
export function Composer({ chatId, name }: { chatId: string; name: string }) {
  const workspace = useWorkspace();
  const ready = useWorkspaceState(({ status }) => status?.state === "ready");
  const [text, setText] = useState(() => workspace.drafts.get(chatId) ?? "");
  const [files, setFiles] = useState<readonly File[]>([]);
  const [refused, setRefused] = useState<string | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const reason = useId();
  const canSend = ready && (text.trim() !== "" || files.length > 0);

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

  const stage = (added: readonly File[]) => {
    const known = new Set(files.map(identity));
    const fitting = added.filter(
      (file) => file.size <= maxFileMegabytes * 2 ** 20 && !known.has(identity(file)),
    );
    const large = added.find((file) => file.size > maxFileMegabytes * 2 ** 20);
    setRefused(large ? `${large.name} is too large: a file may have ${maxFileMegabytes} MB at most.` : null);
    setFiles([...files, ...fitting]);
    box.current?.focus();
  };
  const dropping = useDroppedFiles(stage);

  const send = () => {
    if (!canSend) return;
    const [first = null, ...others] = files;
    void sendInOrder(workspace, chatId, text.trim(), first, others);
    type("");
    setFiles([]);
    setRefused(null);
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

  const paste = (event: ClipboardEvent) => {
    const pasted = [...event.clipboardData.files];
    if (pasted.length === 0) return;
    event.preventDefault();
    stage(pasted);
  };

  return (
    <form className="composer" onSubmit={submit}>
      {!ready && (
        <p className="composer-reason" id={reason}>
          WhatsApp is not connected, so nothing can be sent now. <Link href="/connect">See why</Link>
        </p>
      )}
      <Waiting chatId={chatId} />
      {refused && (
        <p className="composer-reason" role="alert">
          {refused}
        </p>
      )}
      <StagedFiles files={files} onRemove={(file) => setFiles(files.filter((one) => one !== file))} />
      <div className="composer-row">
        <button type="button" className="attach-button" onClick={() => picker.current?.click()}>
          <Icon name="attach" />
          <span className="visually-hidden">Attach files</span>
        </button>
        <input
          ref={picker}
          className="visually-hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label="Files to attach"
          onChange={(event) => {
            stage([...(event.target.files ?? [])]);
            // So that the same file may be chosen again.
            event.target.value = "";
          }}
        />
        <textarea
          ref={box}
          rows={1}
          aria-label={`Message to ${name}`}
          aria-describedby={ready ? undefined : reason}
          placeholder={files.length > 0 ? "Add a caption" : "Write a message"}
          maxLength={maxTextLength}
          value={text}
          onChange={(event) => type(event.target.value)}
          onKeyDown={keyDown}
          onPaste={paste}
        />
        <button type="submit" className="send-button" aria-disabled={!canSend}>
          <Icon name="send" />
          <span className="visually-hidden">Send</span>
        </button>
      </div>
      {dropping && <p className="drop-here">Drop the files here to send them to {name}</p>}
    </form>
  );
}

const identity = ({ name, size, lastModified }: File) => `${name} ${size} ${lastModified}`;

/** One after the other: the chat shows them in the order in which they were chosen. */
async function sendInOrder(
  workspace: ReturnType<typeof useWorkspace>,
  chatId: string,
  text: string,
  first: File | null,
  others: readonly File[],
): Promise<void> {
  await workspace.send(chatId, text, first);
  for (const file of others) await workspace.send(chatId, "", file);
}

/** Why much that was sent has not gone out yet. */
function Waiting({ chatId }: { chatId: string }) {
  const waiting = useWorkspaceState(
    ({ conversations }) =>
      conversations.get(chatId)?.messages.filter(({ ack, sending }) => ack === "pending" && !sending)
        .length ?? 0,
  );
  if (waiting < manyWaiting) return null;
  return (
    <p className="composer-waiting" role="status">
      {waiting} messages wait for their turn. They go out at the pace of a person, so that WhatsApp does not
      block your number.
    </p>
  );
}
