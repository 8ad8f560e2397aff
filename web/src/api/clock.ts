// Deadlines come from the server's clock, and phones and laptops are often wrong
// by minutes, so every answer's Date header tells how far this clock is off.
let offset = 0;

/** The Date header has whole seconds: a smaller difference says nothing. */
const tolerance = 2_000;

/** Takes an answer's Date header (null: it had none). */
export function observeServerTime(date: string | null): void {
  const server = date ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(server)) return;
  const difference = server - Date.now();
  offset = Math.abs(difference) > tolerance ? difference : 0;
}

/** The server's time now, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + offset;
}
