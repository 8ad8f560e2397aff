// What pictures are drawn from, as the function admin writes it (views/admin_plot.go), and what is
// reckoned from it before anything is drawn.

export type Value = number | null;

export interface Series {
  label: string;
  values: Value[];
  figures: string[];
  faint?: boolean;
}

export interface Line {
  label: string;
  value: number;
  always?: boolean;
  bad?: boolean;
}

export interface Stretch {
  from: number;
  until: number;
  words: string;
  level: string;
}

export interface Mark {
  at: number;
  number: number;
  words: string;
}

export interface Plot {
  name: string;
  title: string;
  unit: string;
  stacked?: boolean;
  series: Series[];
  lines?: Line[];
  strip?: Stretch[];
  marks?: Mark[];
}

export interface Plots {
  said?: string;
  x: string;
  from: number;
  until: number;
  step: number;
  at: number[];
  plots: Plot[];
}

// A row of times and one of values for each series, as uPlot takes them.
export type Table = [number[], ...Value[][]];

/** withGaps puts a point without values wherever one is missing, so that no line leads across. */
export function withGaps(at: number[], rows: Value[][], step: number): Table {
  if (step <= 0) {
    return [at, ...rows];
  }
  const times: number[] = [];
  const filled: Value[][] = rows.map(() => []);
  at.forEach((time, i) => {
    const before = at[i - 1];
    if (before !== undefined && time - before > 1.5 * step) {
      times.push(before + step);
      for (const row of filled) {
        row.push(null);
      }
    }
    times.push(time);
    rows.forEach((row, series) => {
      filled[series]?.push(row[i] ?? null);
    });
  });
  return [times, ...filled];
}

/** stack adds each series to those below it. What is not known makes the sums above it unknown. */
export function stack(rows: Value[][]): Value[][] {
  let below: Value[] = [];
  return rows.map((row, series) => {
    below = row.map((value, i) => {
      const under = series === 0 ? 0 : (below[i] ?? null);
      return value === null || under === null ? null : under + value;
    });
    return below;
  });
}

/** tableOf is what is drawn of a picture: with its gaps, and stacked if it is. */
export function tableOf(plots: Plots, plot: Plot): Table {
  const rows = plot.series.map((series) => series.values);
  return withGaps(plots.at, plot.stacked ? stack(rows) : rows, plots.step);
}

/** alone are the points of a row that have no neighbour, which a line would not show. */
export function alone(row: readonly (Value | undefined)[]): number[] {
  const found: number[] = [];
  row.forEach((value, i) => {
    const known = (other: Value | undefined) => other !== null && other !== undefined;
    if (known(value) && !known(row[i - 1]) && !known(row[i + 1])) {
      found.push(i);
    }
  });
  return found;
}

/**
 * heightOf is how far up a picture reaches: to its largest value, and to those of its lines that are not
 * so far above that they would press the values flat.
 */
export function heightOf(rows: Value[][], lines: Line[] = []): number {
  let most = 0;
  for (const row of rows) {
    for (const value of row) {
      most = Math.max(most, value ?? 0);
    }
  }
  const values = most;
  for (const line of lines) {
    if (line.always || line.value <= 3 * values) {
      most = Math.max(most, line.value);
    }
  }
  return most > 0 ? most * 1.08 : 1;
}

/** ticksOf are round values from zero on, in the steps that a unit is counted in. */
export function ticksOf(unit: string, height: number, about: number): number[] {
  const step = stepOf(unit, height / Math.max(1, about));
  const ticks: number[] = [];
  for (let i = 0; i * step <= height; i++) {
    ticks.push(i * step);
  }
  return ticks;
}

function stepOf(unit: string, least: number): number {
  if (unit === "s") {
    const steps = [
      1,
      5,
      15,
      30,
      60,
      300,
      900,
      1800,
      3600,
      2 * 3600,
      6 * 3600,
      12 * 3600,
      86400,
      2 * 86400,
      7 * 86400,
    ];
    return steps.find((step) => step >= least) ?? 30 * 86400;
  }
  if (unit.startsWith("bytes")) {
    let step = 1;
    while (step < least) {
      step *= 2;
    }
    return step;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
  const round = [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least * 0.999) ?? power * 10;
  return unit === "slices" ? Math.max(1, round) : round;
}
