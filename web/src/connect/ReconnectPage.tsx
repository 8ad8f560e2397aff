import { useEffect, useState } from "react";
import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";
import { LinkPage } from "./LinkPage";
import { RestartButton } from "./RestartButton";
import { Steps } from "./Steps";
import { linkStep } from "./step";

/** Where the mail about a lost connection leads: straight to what there is to do, if there still is something. */
export function ReconnectPage() {
  const step = useWorkspaceState(linkStep);
  const [seenCode, setSeenCode] = useState(false);
  useEffect(() => {
    if (step === "scan") setSeenCode(true);
  }, [step]);
  // Codes that ran out before this page was opened are no news to anybody.
  return step === "timedOut" && !seenCode ? <BeginPage /> : <LinkPage again />;
}

function BeginPage() {
  return (
    <div className="connect">
      <Steps step="prepare" />
      <section className="card connect-card">
        <div className="centred">
          <span className="panel-icon panel-icon-warn">
            <Icon name="unplugged" />
          </span>
          <PageHeading title="Connect WhatsApp again">Connect your WhatsApp again</PageHeading>
          <p>
            Your phone is not linked at the moment, so no new messages come in. Everything in your inbox is
            kept. Take the phone with your WhatsApp and link it once more: it takes a minute.
          </p>
          <RestartButton label="I have my phone: show the code" />
        </div>
      </section>
    </div>
  );
}
