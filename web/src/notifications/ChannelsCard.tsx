import { type Channels, gateway } from "../api/gateway";
import { ApiFailure } from "../api/http";
import { useMe, useSession } from "../session/SessionProvider";
import { Address } from "../ui/Address";
import { CheckField } from "../ui/CheckField";
import { Notice } from "../ui/Notice";
import { useSaved } from "../ui/useSaved";

/** By which ways somebody is told; each change is saved at once. */
export function ChannelsCard() {
  const { user } = useMe();
  const { take, refresh } = useSession();
  const { value, state, problem, save } = useSaved<Channels>(user.channels, async (channels) => {
    try {
      take(await gateway.saveChannels(channels));
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 401) await refresh();
      throw error;
    }
  });
  return (
    <section className="card data-card" aria-labelledby="channels">
      <div className="data-card-head">
        <h2 id="channels">How we reach you</h2>
        <p className="saved" role="status">
          {state === "saving" && "Saving…"}
          {state === "saved" && "Saved"}
        </p>
      </div>
      <CheckField
        id="by-email"
        label="E-mail"
        hint={
          <>
            To <Address email={user.email} />
            {user.emailVerified ? "" : ", once you have confirmed it"}. What is about your account, like a
            forgotten password, comes by mail in any case.
          </>
        }
        checked={value.email}
        onChange={(email) => void save({ ...value, email })}
      />
      <CheckField
        id="by-whatsapp"
        label="WhatsApp"
        hint="To your own number, for everything except the disconnection itself."
        checked={value.whatsapp}
        onChange={(whatsapp) => void save({ ...value, whatsapp })}
      />
      {problem && (
        <Notice kind="bad" announced>
          {problem}
        </Notice>
      )}
      {!value.email && (
        <Notice kind="warn">
          Without e-mail nobody tells you when your WhatsApp is disconnected and messages stop coming in.
        </Notice>
      )}
    </section>
  );
}
