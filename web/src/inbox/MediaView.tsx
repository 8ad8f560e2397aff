// biome-ignore-all lint/a11y/useMediaCaption: what people send each other has no captions.
import { useState } from "react";
import { Link } from "wouter";
import { type Media, mediaUrl } from "../api/slice";
import { sizeWords } from "../data/size";
import { useSeenBy } from "../sight/useSeenBy";
import { Icon } from "../ui/Icon";
import { useAction } from "../ui/useAction";
import type { ShownMessage } from "../workspace/messages";
import { useWorkspace } from "../workspace/WorkspaceProvider";
import { kindWords } from "./preview";

interface Props {
  message: ShownMessage;
  /** Who the chat is with. */
  name: string;
}

/** The file of a message: shown where the browser can, else offered; in words where it is not here. */
export function MediaView({ message, name }: Props) {
  const { media } = message;
  if (!media) return null;
  if (message.sending) return <Sending message={message} media={media} />;
  if (message.ack === "failed" && message.file) return <Missing media={media} message={message} />;
  if (media.state !== "stored") return <Missing media={media} message={message} />;
  return (
    <span className="media">
      <Stored message={message} media={media} name={name} />
      <Discard message={message} />
    </span>
  );
}

function Stored({ message, media, name }: Props & { media: Media }) {
  const url = mediaUrl(message.id);
  const from = message.fromMe ? "by you" : `from ${message.author?.name ?? name}`;
  switch (message.kind) {
    case "image":
      return (
        <a className="media-picture" href={url} download={media.fileName ?? ""}>
          <img src={url} alt={`Sent ${from}; download`} loading="lazy" decoding="async" />
        </a>
      );
    case "sticker":
      return (
        <img className="media-sticker" src={url} alt={`Sticker ${from}`} loading="lazy" decoding="async" />
      );
    case "video":
      return (
        <video className="media-video" src={url} controls preload="metadata" aria-label={`Video ${from}`} />
      );
    case "audio":
    case "voice":
      return (
        <audio
          className="media-audio"
          src={url}
          controls
          preload="none"
          aria-label={`${kindWords(message.kind)} ${from}`}
        />
      );
    default:
      return (
        <a className="media-file" href={url} download={media.fileName ?? ""}>
          <Icon name="file" />
          <span className="media-name">{media.fileName ?? "File"}</span>
          {media.bytes !== null && <span className="media-size">{sizeWords(media.bytes)}</span>}
        </a>
      );
  }
}

function Sending({ message, media }: { message: ShownMessage; media: Media }) {
  const percent = Math.round((message.progress ?? 0) * 100);
  const label = media.fileName ?? kindWords(message.kind);
  return (
    <span className="media-file media-sending">
      <Icon name="file" />
      <span className="media-name">{label}</span>
      <progress className="media-progress" max={100} value={percent} aria-label={`Sending ${label}`} />
      <span className="media-size">{percent < 100 ? `${percent} % sent` : "being stored"}</span>
    </span>
  );
}

/** A file that is not here, and why. */
function Missing({ message, media }: { message: ShownMessage; media: Media }) {
  const size = media.bytes === null ? "" : `, ${sizeWords(media.bytes)}`;
  return (
    <span className="media-file media-missing">
      <Icon name="file" />
      <span className="media-name">
        {media.fileName ?? kindWords(message.kind)}
        {size}
      </span>
      <span className="media-why">
        <Why state={message.file ? "unsent" : media.state} />
      </span>
    </span>
  );
}

function Why({ state }: { state: Media["state"] | "unsent" }) {
  switch (state) {
    case "unsent":
      return "Not sent";
    case "pending":
      return "Being downloaded…";
    case "over_quota":
      return (
        <>
          Not downloaded: your storage is full. <Link href="/data">Make room</Link>
        </>
      );
    case "too_large":
      return "Too large to keep here. It is on your phone.";
    case "gone":
      return "The file is no longer here.";
    case "stored":
      return null;
  }
}

/** Deleting a file makes room; the message stays. */
function Discard({ message }: { message: ShownMessage }) {
  const workspace = useWorkspace();
  const [asking, setAsking] = useState(false);
  const seenBy = useSeenBy();
  const { busy, problem, run } = useAction(() => workspace.discardMedia(message.id));
  if (seenBy) return null;
  if (!asking) {
    return (
      <button type="button" className="media-discard" onClick={() => setAsking(true)}>
        <Icon name="trash" />
        <span className="visually-hidden">Delete the file</span>
      </button>
    );
  }
  return (
    <span className="media-asking" role="alert">
      {problem ?? "Delete the file here? The message stays."}{" "}
      <button type="button" className="text-button" aria-disabled={busy} onClick={() => void run()}>
        {busy ? "Deleting…" : "Delete"}
      </button>
      <button type="button" className="text-button" onClick={() => setAsking(false)}>
        Keep
      </button>
    </span>
  );
}
