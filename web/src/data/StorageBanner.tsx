import { Link } from "wouter";
import { useWorkspaceState } from "../workspace/WorkspaceProvider";

/** Says that the storage is nearly full, or full, wherever the person is. */
export function StorageBanner() {
  const level = useWorkspaceState(({ status }) => status?.storage.level ?? "ok");
  if (level === "ok") return null;
  return (
    <p className={level === "full" ? "banner banner-bad" : "banner"} role="status">
      {level === "full" ? (
        <>
          <strong>Your storage is full.</strong> New photos and files are not downloaded; messages go on.
        </>
      ) : (
        <>
          <strong>Your storage is almost full.</strong> Soon new photos and files will not be downloaded.
        </>
      )}{" "}
      <Link href="/data">Make room</Link>
    </p>
  );
}
