import type { ReactNode } from "react";
import { Icon, type IconName } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { SignedInLayout } from "./SignedInLayout";

interface Props {
  icon: IconName;
  tone?: "warn" | "bad";
  /** The title of the browser's tab. */
  title: string;
  heading: string;
  children: ReactNode;
}

/** A page for somebody who is logged in that says one thing only. */
export function PanelPage({ icon, tone, title, heading, children }: Props) {
  return (
    <SignedInLayout>
      <section className="card panel">
        <span className={tone ? `panel-icon panel-icon-${tone}` : "panel-icon"}>
          <Icon name={icon} />
        </span>
        <PageHeading title={title}>{heading}</PageHeading>
        {children}
      </section>
    </SignedInLayout>
  );
}
