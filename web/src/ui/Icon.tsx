const paths = {
  back: "M15 5l-7 7 7 7",
  send: "M4 12l16-8-6 16-3-6-7-2z",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4",
  compose: "M4 20h4L19 9l-4-4L4 16v4zM13 7l4 4",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
  phone:
    "M8 2.8h8a1.7 1.7 0 0 1 1.7 1.7v15a1.7 1.7 0 0 1-1.7 1.7H8a1.7 1.7 0 0 1-1.7-1.7v-15A1.7 1.7 0 0 1 8 2.8zM11 18h2",
  devices: "M3.5 6.5h12v9h-12zM2 18.5h11M16 9.5h5v9h-5z",
  scan: "M4 8V5.5A1.5 1.5 0 0 1 5.5 4H8M16 4h2.5A1.5 1.5 0 0 1 20 5.5V8M20 16v2.5a1.5 1.5 0 0 1-1.5 1.5H16M8 20H5.5A1.5 1.5 0 0 1 4 18.5V16M8 8h3v3H8zM14 8h2v2M8 14h2v2M13 13h3v3h-3z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  warning: "M12 4.5L2.8 20h18.4L12 4.5zM12 10.5v4M12 17.2v.1",
  clock: "M12 3.8a8.2 8.2 0 1 0 0 16.4 8.2 8.2 0 0 0 0-16.4zM12 8v4.5l3 2",
  card: "M3.5 6h17v12h-17zM3.5 10h17M7 14.5h4",
  lock: "M7 10.5V8a5 5 0 0 1 10 0v2.5M5.5 10.5h13v9h-13z",
  down: "M12 5v13M6.5 13l5.5 5.5 5.5-5.5",
  chat: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 19 17h-7l-4.5 3.5V17H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 5z",
  attach:
    "M19 11.5l-7.6 7.6a4.6 4.6 0 0 1-6.5-6.5l8-8a3.1 3.1 0 0 1 4.4 4.4l-8 8a1.6 1.6 0 0 1-2.2-2.2l7.1-7.1",
  file: "M13.5 3H7a1.5 1.5 0 0 0-1.5 1.5v15A1.5 1.5 0 0 0 7 21h10a1.5 1.5 0 0 0 1.5-1.5V8zM13.5 3v5h5",
  trash: "M4.5 6.5h15M9.5 6.5V4h5v2.5M6.5 6.5l1 14h9l1-14M10 10.5v6M14 10.5v6",
  close: "M6 6l12 12M18 6L6 18",
  unplugged: "M9 7V3M15 7V3M6.5 7h11v4a5.5 5.5 0 0 1-11 0zM12 16.5V21M3.5 3.5l17 17",
  move: "M4.5 8.5h15M15.5 4.5l4 4-4 4M19.5 16h-15M8.5 12l-4 4 4 4",
} as const;

export type IconName = keyof typeof paths;

/** A line icon; the text beside it says what it means, so screen readers pass it over. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
