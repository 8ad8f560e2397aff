import type { ReactNode } from "react";
import { Icon, type IconName } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";

interface Props {
  icon: IconName;
  tone?: "warn" | "bad";
  /** The title of the browser's tab. */
  title: string;
  heading: string;
  children: ReactNode;
}

/** What a page that needs no login comes to: one thing said, and mostly one thing to do. */
export function AuthPanel({ icon, tone, title, heading, children }: Props) {
  return (
    <div className="centred">
      <span className={tone ? `panel-icon panel-icon-${tone}` : "panel-icon"}>
        <Icon name={icon} />
      </span>
      <PageHeading title={title}>{heading}</PageHeading>
      {children}
    </div>
  );
}
