import { Icon } from "../ui/Icon";
import { PageHeading } from "../ui/PageHeading";
import { RestartButton } from "./RestartButton";

export function TimedOutView() {
  return (
    <div className="centred">
      <span className="panel-icon panel-icon-warn">
        <Icon name="clock" />
      </span>
      <PageHeading title="The codes ran out">The codes ran out</PageHeading>
      <p>
        Nobody scanned in time, so we stopped showing new ones. Have your phone ready with Linked devices
        open, then try again.
      </p>
      <RestartButton label="Try again" />
    </div>
  );
}
