import { SignedInLayout } from "../layout/SignedInLayout";
import { SupportCard } from "../sight/SupportCard";
import { PageHeading } from "../ui/PageHeading";
import { AddressCard } from "./AddressCard";
import { ChannelsCard } from "./ChannelsCard";

/** How a person is reached when something needs them. It needs no slice: one that is down is told of here, too. */
export function NotificationsPage() {
  return (
    <SignedInLayout>
      <div className="data-page">
        <PageHeading title="Notifications">Notifications</PageHeading>
        <p className="lead">
          We write when your WhatsApp stays disconnected for some minutes, when your storage fills up, and
          when either is over. Each is told once, and again only if it lasts for hours.
        </p>
        <AddressCard />
        <ChannelsCard />
        <SupportCard />
      </div>
    </SignedInLayout>
  );
}
