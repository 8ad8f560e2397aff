import { QRCodeSVG } from "qrcode.react";
import { useEffect, useRef, useState } from "react";
import type { Qr } from "../api/slice";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { useAction } from "../ui/useAction";
import { useNow } from "../ui/useNow";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";
import { PairingView } from "./PairingView";

/** How long after its end a code is waited for before it is asked for, in seconds. */
const overdue = 3;

export function ScanView({ again }: { again: boolean }) {
  const [byNumber, setByNumber] = useState(false);
  if (byNumber) return <PairingView onBack={() => setByNumber(false)} />;
  return <CodeView again={again} onNumber={() => setByNumber(true)} />;
}

function CodeView({ again, onNumber }: { again: boolean; onNumber: () => void }) {
  const qr = useWorkspaceState((state) => state.qr);
  const simulated = useWorkspaceState((state) => state.status?.standIn);
  if (!qr) return null;
  return (
    <div className="scan">
      <div className="scan-heading">
        <PageHeading title={again ? "Connect WhatsApp again" : "Scan the code"}>
          Scan this code with your phone
        </PageHeading>
        {again && (
          <p className="lead">Your WhatsApp is not connected. This links it again; your inbox is kept.</p>
        )}
      </div>
      <ol className="scan-how">
        <li>
          Open <strong>WhatsApp</strong> on your phone
        </li>
        <li>
          Go to <strong>Settings</strong> or <strong>⋮</strong>, then <strong>Linked devices</strong>
        </li>
        <li>
          Tap <strong>Link a device</strong> and point the phone here
        </li>
      </ol>
      <div className="scan-code">
        <div className="qr-frame">
          <QRCodeSVG
            value={qr.code}
            level="L"
            size={256}
            marginSize={2}
            className="qr"
            title="QR code to scan with WhatsApp"
          />
        </div>
        <Countdown key={qr.code} qr={qr} />
        <p className="visually-hidden" aria-live="polite">
          New code, {qr.index} of {qr.of}
        </p>
        {simulated && <SimulatedScan />}
        <p className="scan-other">
          <span className="scan-same-phone">On the phone with this WhatsApp? It cannot scan itself: </span>
          <button type="button" className="text-button" onClick={onNumber}>
            Link with a phone number instead
          </button>
        </p>
      </div>
    </div>
  );
}

/** How long the code is good for, as a bar and in words. */
function Countdown({ qr }: { qr: Qr }) {
  const workspace = useWorkspace();
  const now = useNow();
  const left = Math.ceil((Date.parse(qr.expiresAt) - now) / 1_000);
  const total = useRef(Math.max(left, 1)).current;
  const shown = Math.max(0, Math.min(left, total));

  const isOverdue = left <= -overdue;
  useEffect(() => {
    // The next code comes by an event; one that does not is fetched.
    if (isOverdue) workspace.refetch();
  }, [isOverdue, workspace]);

  return (
    <div className="countdown">
      <svg className="ring" viewBox="0 0 36 36" aria-hidden="true">
        <circle cx="18" cy="18" r="15.9" />
        <circle
          className="ring-left"
          cx="18"
          cy="18"
          r="15.9"
          pathLength="100"
          strokeDasharray="100"
          strokeDashoffset={100 - (shown / total) * 100}
        />
      </svg>
      <p>
        <strong>
          Code {qr.index} of {qr.of}
        </strong>
        <span role="timer">{shown > 0 ? `Renews in ${shown} s` : "A new code is coming"}</span>
      </p>
    </div>
  );
}

function SimulatedScan() {
  const workspace = useWorkspace();
  const { busy, problem, run } = useAction(() => workspace.simulateScan());
  return (
    <>
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <button type="button" className="button button-wide" aria-disabled={busy} onClick={run}>
        Scan with the simulated phone
      </button>
    </>
  );
}
