// The colours of a picture, from the tokens of the page as they are now.

export interface Palette {
  series: string[];
  ink: string;
  ground: string;
  grid: string;
  bad: string;
  levels: Record<string, string>;
  font: string;
}

export function colours(of: Element): Palette {
  const style = getComputedStyle(of);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    series: [1, 2, 3, 4, 5, 6].map((n) => token(`--plot-${n}`)),
    ink: token("--ink-2"),
    ground: token("--surface"),
    grid: token("--line"),
    bad: token("--bad"),
    levels: { ok: token("--accent"), warn: token("--warn"), bad: token("--bad"), rest: token("--line") },
    font: `12px ${token("--font") || "sans-serif"}`,
  };
}

/** see makes a colour of six hex digits one that others are seen through. */
export function see(colour: string, part: number): string {
  return /^#[0-9a-f]{6}$/i.test(colour)
    ? colour +
        Math.round(255 * part)
          .toString(16)
          .padStart(2, "0")
    : colour;
}
