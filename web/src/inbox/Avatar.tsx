/** How many colours of avatar the style sheet has. */
const colours = 6;

/** The initials of a person on a colour that stays theirs. */
export function Avatar({ id, name }: { id: string; name: string }) {
  return (
    <span className={`avatar avatar-${colourOf(id)}`} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

/** "AB" for "Anna Maria Bell", "#" for a bare number. */
export function initials(name: string): string {
  const letters = name
    .split(/\s+/)
    .map((word) => /\p{L}/u.exec(word)?.[0] ?? "")
    .filter(Boolean);
  const first = letters[0];
  if (!first) return "#";
  const last = letters.length > 1 ? letters[letters.length - 1] : "";
  return `${first}${last}`.toLocaleUpperCase();
}

function colourOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003;
  return sum % colours;
}
