import { useState } from "react";
import type { Announcement } from "../api/gateway";
import { useMe } from "../session/SessionProvider";
import { Icon } from "../ui/Icon";
import { useNow } from "../ui/useNow";
import { isPutAway, putAway } from "./putAway";
import { Words } from "./Words";

/** What the operator tells everybody just now, on every page. It comes and goes on time by itself. */
export function Announcements() {
  const { announcements } = useMe();
  const now = useNow(15_000);
  const [, closed] = useState(0);
  const shown = announcements.filter(
    (one) => Date.parse(one.startsAt) <= now && now < Date.parse(one.endsAt) && !isPutAway(one, now),
  );
  return shown.map((one) => (
    <Banner
      key={one.id}
      one={one}
      onClose={() => {
        putAway(one, announcements, now);
        closed(one.id);
      }}
    />
  ));
}

function Banner({ one, onClose }: { one: Announcement; onClose: () => void }) {
  const isWarning = one.level === "warning";
  return (
    <div className={isWarning ? "banner banner-closable" : "banner banner-closable banner-info"}>
      <p role="status" className="announced">
        <strong>{isWarning ? "Warning:" : "Information:"}</strong> <Words words={one.words} />
      </p>
      <button type="button" className="banner-close" onClick={onClose}>
        <Icon name="close" />
        <span className="visually-hidden">
          {isWarning ? "Put this away until tomorrow" : "Put this away"}
        </span>
      </button>
    </div>
  );
}
