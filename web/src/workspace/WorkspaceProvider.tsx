import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { slice } from "../api/slice";
import { browserEnvironment } from "../events/browser";
import { SharedStream } from "../events/sharedStream";
import { useSession } from "../session/SessionProvider";
import type { WorkspaceState } from "./state";
import { Workspace } from "./Workspace";

const WorkspaceContext = createContext<Workspace | null>(null);

/** Everybody hears of an announcement at once, and asks for it within this time, in milliseconds. */
const announcementSpread = 10_000;

/** Gives the pages below it the workspace of one user; a change of user or slice needs a new key. */
export function WorkspaceProvider({ userId, children }: { userId: number; children: ReactNode }) {
  const { refresh, changed, draftsOf } = useSession();
  const asking = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [workspace] = useState(
    () =>
      new Workspace({
        api: slice,
        createStream: (handlers) => new SharedStream(`events-${userId}`, handlers, browserEnvironment),
        checkSession: refresh,
        onAnnouncements: () => {
          clearTimeout(asking.current);
          asking.current = setTimeout(changed, Math.random() * announcementSpread);
        },
        drafts: draftsOf(userId),
      }),
  );

  useEffect(() => {
    workspace.start();
    window.addEventListener("online", workspace.refetch);
    return () => {
      window.removeEventListener("online", workspace.refetch);
      workspace.stop();
      clearTimeout(asking.current);
    };
  }, [workspace]);

  return <WorkspaceContext value={workspace}>{children}</WorkspaceContext>;
}

export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext);
  if (!workspace) throw new Error("useWorkspace needs a WorkspaceProvider above it");
  return workspace;
}

/** One part of the state; `select` must give the same object while nothing changed. */
export function useWorkspaceState<T>(select: (state: WorkspaceState) => T): T {
  const workspace = useWorkspace();
  return useSyncExternalStore(workspace.subscribe, () => select(workspace.getState()));
}
