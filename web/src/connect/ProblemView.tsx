import { Link } from "wouter";
import type { WaState } from "../api/slice";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { RestartButton } from "./RestartButton";

interface Words {
  heading: string;
  text: string;
  /** What the button that starts over is called. */
  act: string;
}

const words: Partial<Record<WaState, Words>> = {
  disconnected: {
    heading: "WhatsApp is disconnected",
    text: "The connection is being restored by itself, mostly within a minute or two. See that your phone is switched on and online. If it does not come back, link the phone again.",
    act: "Link again",
  },
  logged_out: {
    heading: "WhatsApp was unlinked",
    text: "The link was removed on the phone, or WhatsApp ended it. Everything in your inbox is kept. Link the phone again to go on.",
    act: "Link again",
  },
  restricted: {
    heading: "WhatsApp restricts this number",
    text: "WhatsApp has limited what this number may do, and only WhatsApp can lift that. Open WhatsApp on your phone to read why and until when; send nothing until then, and try again afterwards.",
    act: "Try again",
  },
  failed: {
    heading: "WhatsApp could not start",
    text: "Something went wrong on our side. Your messages are safe. Starting over mostly helps.",
    act: "Start over",
  },
};

/** What went wrong with the connection, and what the person can do. */
export function ProblemView() {
  const state = useWorkspaceState(({ status }) => status?.state);
  const hasChats = useWorkspaceState(({ chats }) => chats !== null && chats.length > 0);
  const said = state && words[state];
  if (!said) return null;
  return (
    <div className="centred" key={state}>
      <span className="panel-icon panel-icon-bad">
        <Icon name="unplugged" />
      </span>
      <PageHeading title={said.heading}>{said.heading}</PageHeading>
      <p>{said.text}</p>
      <RestartButton label={said.act} />
      {hasChats && (
        <Link href="/" className="button button-quiet button-wide">
          Go to the inbox
        </Link>
      )}
    </div>
  );
}
