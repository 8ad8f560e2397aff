import type { ReactNode } from "react";
import { Brand } from "../ui/Brand";

/** The frame of the pages that are shown to somebody who is not logged in. */
export function AuthLayout({ children }: { children: ReactNode }) {
  return (
    <div className="auth">
      <header>
        <Brand />
      </header>
      <main className="card auth-card">{children}</main>
    </div>
  );
}
