import { useRef, useState } from "react";
import { SendAgainButton } from "../session/SendAgainButton";
import { useMe } from "../session/SessionProvider";
import { Address } from "../ui/Address";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { ChangeAddressForm } from "./ChangeAddressForm";

/** The address that mails go to, whether they reach the person there, and another one in its place. */
export function AddressCard() {
  const { user } = useMe();
  const [changing, setChanging] = useState(false);
  const [changed, setChanged] = useState(false);
  const button = useRef<HTMLButtonElement>(null);

  const close = (done: boolean) => {
    setChanging(false);
    setChanged(done);
    button.current?.focus();
  };

  return (
    <section className="card data-card" aria-labelledby="address">
      <h2 id="address">Your e-mail address</h2>
      <AddressState />
      <p className="said" role="status">
        {changed && (
          <>
            Your address is changed. You log in with <Address email={user.email} strong /> from now on.
          </>
        )}
      </p>
      {!user.emailVerified && !user.emailBounced && <SendAgainButton key={user.email} email={user.email} />}
      <button
        type="button"
        ref={button}
        className="text-button"
        aria-expanded={changing}
        aria-controls="change-address"
        onClick={() => setChanging(!changing)}
      >
        Change the address
      </button>
      <div id="change-address" className="disclosed" hidden={!changing}>
        {changing && <ChangeAddressForm onDone={() => close(true)} onCancel={() => close(false)} />}
      </div>
    </section>
  );
}

function AddressState() {
  const { user } = useMe();
  if (user.emailBounced) {
    return (
      <Notice kind="bad">
        <strong>
          Mails to <Address email={user.email} /> come back.
        </strong>{" "}
        Perhaps it is mistyped, or the mailbox is full or gone. Change it below, so that we can reach you
        again.
      </Notice>
    );
  }
  if (!user.emailVerified) {
    return (
      <Notice kind="warn">
        <Address email={user.email} strong /> is not confirmed yet: open the link in the mail that we sent
        there. Until then we tell you nothing by e-mail.
      </Notice>
    );
  }
  return (
    <p className="address-good">
      <Icon name="check" />
      <span>
        <Address email={user.email} strong /> is confirmed.
      </span>
    </p>
  );
}
