import { PanelPage } from "../layout/PanelPage";

/** Shown to somebody whose slice stopped so often that it is not started again by itself. */
export function FailedPage() {
  return (
    <PanelPage
      icon="warning"
      tone="warn"
      title="Workspace not started"
      heading="Your workspace could not be started"
    >
      <p>
        It stopped several times in a short time, so we stopped trying. Your messages and contacts are kept.
      </p>
      <p>
        We have been told of it and are looking into it: there is nothing you need to do. This page goes on by
        itself when your workspace is back.
      </p>
    </PanelPage>
  );
}
