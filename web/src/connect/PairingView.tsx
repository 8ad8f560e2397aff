import { useState } from "react";
import type { PairingCode } from "../api/slice";
import { Field } from "../ui/Field";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { useAction } from "../ui/useAction";
import { useNow } from "../ui/useNow";
import { useWorkspace } from "../workspace/WorkspaceProvider";

/** Linking without a camera: a code that is typed on the phone. */
export function PairingView({ onBack }: { onBack: () => void }) {
  const workspace = useWorkspace();
  const [number, setNumber] = useState("");
  const [code, setCode] = useState<PairingCode | null>(null);
  const { busy, problem, run } = useAction(async () => setCode(await workspace.pairingCode(number)));
  return (
    <div className="pairing">
      <PageHeading title="Link with a phone number">Link with a phone number</PageHeading>
      {code ? (
        <Code code={code} busy={busy} onNew={run} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void run();
          }}
        >
          <Field
            id="pairing-number"
            label="The number of your WhatsApp"
            type="tel"
            autoComplete="tel"
            placeholder="+1 555 010 0001"
            hint="With its country code. WhatsApp then asks for a code on that phone."
            value={number}
            onChange={(event) => setNumber(event.target.value)}
            problem={null}
          />
          <button type="submit" className="button button-wide" aria-disabled={busy || number.trim() === ""}>
            {busy ? "Asking WhatsApp…" : "Get a code"}
          </button>
        </form>
      )}
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      <button type="button" className="text-button" onClick={onBack}>
        Use the QR code instead
      </button>
    </div>
  );
}

function Code({ code, busy, onNew }: { code: PairingCode; busy: boolean; onNew: () => void }) {
  const now = useNow();
  const left = Math.max(0, Math.ceil((Date.parse(code.expiresAt) - now) / 1_000));
  const shown = `${code.code.slice(0, 4)}-${code.code.slice(4)}`;
  return (
    <>
      <p className="pairing-code" aria-live="polite">
        <span className="visually-hidden">Your code: </span>
        {left > 0 ? shown : "Expired"}
      </p>
      <p role="timer">
        {left > 0
          ? `Good for ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`
          : "The code is too old."}
      </p>
      <ol className="scan-how">
        <li>
          Open <strong>WhatsApp</strong> on {code.phoneNumber}
        </li>
        <li>
          Tap the notification, or <strong>Linked devices</strong>, <strong>Link a device</strong>,{" "}
          <strong>Link with phone number</strong>
        </li>
        <li>Type the code. This page goes on by itself</li>
      </ol>
      {left === 0 && (
        <button type="button" className="button button-wide" aria-disabled={busy} onClick={onNew}>
          Get a new code
        </button>
      )}
    </>
  );
}
