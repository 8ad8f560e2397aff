import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { NoCopy } from "../sight/NoCopy";
import { useMayChange, useSeenBy } from "../sight/useSeenBy";
import { Field } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { PageHeading } from "../ui/PageHeading";
import { useAction } from "../ui/useAction";
import { useWorkspace, useWorkspaceState } from "../workspace/WorkspaceProvider";
import { sizeWords } from "./size";

/** What the workspace holds: how much, a copy of it, and its end. */
export function DataPage() {
  const seenBy = useSeenBy();
  return (
    <div className="data-page">
      <PageHeading title="Your data">Your data</PageHeading>
      <StorageCard />
      <ExportCard />
      {!seenBy && <DeleteCard />}
    </div>
  );
}

function StorageCard() {
  const workspace = useWorkspace();
  const storage = useWorkspaceState(({ status }) => status?.storage);
  // What is used is told of when it becomes critical, and otherwise when somebody asks.
  useEffect(() => workspace.refetch(), [workspace]);
  if (!storage?.quotaBytes) return null;
  const { usedBytes, quotaBytes, level } = storage;
  const share = Math.min(1, usedBytes / quotaBytes);
  return (
    <section className="card data-card" aria-labelledby="storage">
      <h2 id="storage">Storage</h2>
      <p>
        <strong>{sizeWords(usedBytes)}</strong> of {sizeWords(quotaBytes)} used by photos, videos and files.
        Messages themselves do not count.
      </p>
      <div className={`storage-bar storage-bar-${level}`} aria-hidden="true">
        <span style={{ inlineSize: `${share * 100}%` }} />
      </div>
      {level === "warning" && (
        <Notice kind="info">Almost full: delete the files of some messages, or take a copy first.</Notice>
      )}
      {level === "full" && (
        <Notice kind="bad">
          Full: new photos and files are not downloaded. Open a chat and delete files that you do not need;
          what came in during the last two weeks is then downloaded after all.
        </Notice>
      )}
    </section>
  );
}

function ExportCard() {
  const mayChange = useMayChange();
  return (
    <section className="card data-card" aria-labelledby="export">
      <h2 id="export">Take a copy</h2>
      <p>
        A ZIP file with every message (for spreadsheets and for programs), your contacts (for spreadsheets and
        address books) and all photos and files. Large ones take a while.
      </p>
      {mayChange ? (
        <a className="button" href="/api/export" download>
          <Icon name="down" />
          Download everything
        </a>
      ) : (
        <NoCopy />
      )}
    </section>
  );
}

function DeleteCard() {
  const workspace = useWorkspace();
  const [, navigate] = useLocation();
  const [word, setWord] = useState("");
  const { busy, problem, run } = useAction(async () => {
    await workspace.deleteData();
    navigate("/connect");
  });
  const typed = word.trim() === "DELETE";
  return (
    <section className="card data-card" aria-labelledby="delete">
      <h2 id="delete">Delete all data</h2>
      <p>
        Unlinks your phone and destroys every message, contact and file that is stored here. What is on your
        phone stays there. This cannot be undone: take a copy first if you may want it.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed) void run();
        }}
      >
        <Field
          id="delete-word"
          label="Type DELETE to confirm"
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          value={word}
          onChange={(event) => setWord(event.target.value)}
          problem={null}
        />
        {problem && (
          <Notice kind="bad" announced>
            {problem}
          </Notice>
        )}
        <button type="submit" className="button button-danger" aria-disabled={!typed || busy}>
          {busy ? "Deleting everything…" : "Delete everything"}
        </button>
      </form>
    </section>
  );
}
