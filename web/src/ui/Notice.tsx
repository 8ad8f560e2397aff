import type { ReactNode } from "react";
import { Icon } from "./Icon";

interface Props {
  kind: "bad" | "warn" | "info";
  /** Set when it appears in answer to something the person did. */
  announced?: boolean;
  children: ReactNode;
}

/** A boxed sentence: what went wrong, or what to mind. */
export function Notice({ kind, announced = false, children }: Props) {
  return (
    <div className={`notice notice-${kind}`} role={announced ? "alert" : undefined}>
      {kind !== "info" && <Icon name="warning" />}
      <div>{children}</div>
    </div>
  );
}
