import type { ReactNode } from "react";
import { Link } from "wouter";
import { BillingBanner } from "../billing/BillingBanner";
import { Announcements } from "../notices/Announcements";
import { Brand } from "../ui/Brand";
import { AccountMenu } from "./AccountMenu";
import { AddressBanner } from "./AddressBanner";

interface Props {
  /** Shown between the brand and the account. */
  bar?: ReactNode;
  /** Shown above the bar, on the whole width. */
  banner?: ReactNode;
  children: ReactNode;
}

/** The frame of every page for somebody who is logged in. */
export function SignedInLayout({ bar, banner, children }: Props) {
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <header className="head">
        <Announcements />
        {banner}
        <BillingBanner />
        <AddressBanner />
        <div className="bar">
          <Link href="/" className="bar-brand">
            <Brand />
          </Link>
          {bar}
          <AccountMenu />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="shell-main">
        {children}
      </main>
    </div>
  );
}
