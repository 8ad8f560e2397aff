import { useDelayed } from "../ui/useDelayed";
import { useWorkspaceState } from "./WorkspaceProvider";

/** How long a slice may be silent, in milliseconds, before its user can have it restarted. */
const silence = 30_000;

/** True when the slice has not answered for so long that a restart which was under way would be over. */
export function useStuck(): boolean {
  const isSilent = useWorkspaceState(({ trouble }) => trouble === "restarting");
  return useDelayed(isSilent, silence);
}
