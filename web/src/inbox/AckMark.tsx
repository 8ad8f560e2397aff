import type { Ack } from "../api/slice";

const words: Record<Ack, string> = {
  pending: "Waiting to be sent",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
  failed: "Not sent",
};

/** How far a message of ours has come, as a sign with the word for it. */
export function AckMark({ ack }: { ack: Ack | null }) {
  if (!ack) return null;
  return (
    <span className={`ack ack-${ack}`} title={words[ack]}>
      <svg viewBox="0 0 18 12" aria-hidden="true" focusable="false">
        <path d={paths[ack]} />
      </svg>
      <span className="visually-hidden">{words[ack]}. </span>
    </span>
  );
}

const oneTick = "M4.5 6.5l3.2 3.2L14 3";
const twoTicks = "M1.5 6.5l3.2 3.2L11 3M8.6 9.6L15.5 3";
const paths: Record<Ack, string> = {
  pending: "M9 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM9 3.5V6l1.6 1",
  sent: oneTick,
  delivered: twoTicks,
  read: twoTicks,
  failed: "M9 1.5v5.5M9 9.6v.2",
};
