import { PanelPage } from "../layout/PanelPage";
import { Address } from "../ui/Address";
import { Icon } from "../ui/Icon";
import { LogOutButton } from "./LogOutButton";
import { useMe } from "./SessionProvider";

/** Shown to somebody who waits for a slice while no more can be made; `position` is theirs in the line. */
export function FullPage({ position }: { position: number }) {
  const { user } = useMe();
  return (
    <PanelPage icon="clock" title="Waiting list" heading="We are full at the moment">
      <p>
        Every workspace is taken. Places are given first come, first served, and yours on the list is kept.
      </p>
      <p className="position" aria-live="polite" aria-atomic="true">
        You are number <strong>{position}</strong> on the list
        {position === 1 && <span>The next free place is yours.</span>}
      </p>
      <ul className="facts">
        <li>
          <Icon name="check" />
          <span>
            We write to <Address email={user.email} strong /> when your place is free.
          </span>
        </li>
        <li>
          <Icon name="check" />
          <span>This page goes on by itself then. You can close it and log in again at any time.</span>
        </li>
        <li>
          <Icon name="check" />
          <span>
            {user.subscriptionStatus === "unpaid"
              ? "Nothing is charged meanwhile: you pay once there is a place for you."
              : "Your trial does not run out meanwhile: it begins once you have your workspace."}
          </span>
        </li>
      </ul>
      <LogOutButton />
    </PanelPage>
  );
}
