import { Link } from "wouter";
import { Icon, type IconName } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { LinkPage } from "./LinkPage";
import { RestartButton } from "./RestartButton";
import { Steps } from "./Steps";
import { linkStep } from "./step";

const how: { icon: IconName; title: string; text: string }[] = [
  {
    icon: "phone",
    title: "Take your phone",
    text: "The one with the WhatsApp number that your customers write to.",
  },
  {
    icon: "devices",
    title: "Open Linked devices",
    text: "In WhatsApp: Settings (iPhone) or the three dots (Android), then Linked devices, then Link a device.",
  },
  {
    icon: "scan",
    title: "Scan the code",
    text: "Point the phone at the code on the next page. That is all.",
  },
];

const showTheCode = "I have my phone: show the code";

/** The first step of linking: what is needed, how it goes, what to know. */
export function ConnectPage() {
  const step = useWorkspaceState(linkStep);
  // Who is linked already, or in trouble, needs no introduction.
  if (step === "ready" || step === "syncing" || step === "problem") return <LinkPage />;

  return (
    <div className="connect">
      <Steps step="prepare" />
      <section className="card connect-card">
        <PageHeading title="Link WhatsApp">Link your WhatsApp</PageHeading>
        <p className="lead">
          Your number stays on your phone. This workspace becomes one more of its linked devices, as WhatsApp
          Web does.
        </p>
        <ol className="how">
          {how.map(({ icon, title, text }) => (
            <li key={title}>
              <span className="panel-icon">
                <Icon name={icon} />
              </span>
              <h2>{title}</h2>
              <p>{text}</p>
            </li>
          ))}
        </ol>
        <Notice kind="warn">
          This is not an official WhatsApp product, and WhatsApp may restrict numbers that use such a
          connection or that send many unasked messages.
        </Notice>
        {step === "timedOut" ? (
          // The codes of a workspace that was waiting for somebody have run out unseen: no news to them.
          <RestartButton label={showTheCode} />
        ) : (
          <Link href="/connect/link" className="button button-wide">
            {showTheCode}
          </Link>
        )}
      </section>
    </div>
  );
}
