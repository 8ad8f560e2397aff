// How a picture is drawn: what uPlot is told.
import type uPlot from "uplot";
import { type Palette, see } from "./plotColours";
import { alone, heightOf, type Plot, type Plots, type Table, ticksOf } from "./plotData";
import { tickIn, ticksOfTime, valueIn } from "./plotWords";

export interface Subject {
  plots: () => Plots;
  plot: () => Plot;
  table: () => Table;
  palette: Palette;
  width: number;
  group: string;
  pointed: (i: number | null) => void;
}

export function optionsOf(of: Subject): uPlot.Options {
  const { palette } = of;
  const plots = of.plots();
  const plot = of.plot();
  const time = plots.x === "time";
  const strip = (plot.strip?.length ?? 0) > 0;
  const options: uPlot.Options = {
    width: of.width,
    height: of.width < 480 ? 200 : 240,
    padding: [strip ? 34 : 14, 12, 0, 0],
    legend: { show: false },
    scales: {
      x: { time, range: (u, low, high) => across(of.plots(), u, low, high) },
      y: { range: () => [0, heightOf(of.table().slice(1) as never, of.plot().lines)] },
    },
    axes: [
      {
        ...axis(palette),
        size: 30,
        space: 64,
        values: (_, splits, __, ___, apart) =>
          time ? ticksOfTime(splits, apart) : splits.map((value) => tickIn(plots.x, value)),
        ...(time
          ? {}
          : {
              splits: (_, __, low, high) => ticksOf(plots.x, high, of.width / 90).filter((at) => at >= low),
            }),
      },
      {
        ...axis(palette),
        size: 62,
        splits: (_, __, ___, high) => ticksOf(plot.unit, high, 5),
        values: (_, splits) => splits.map((value) => tickIn(plot.unit, value)),
      },
    ],
    series: [{}, ...plot.series.map((_, i) => lineOf(of, i))],
    cursor: {
      y: false,
      sync: { key: of.group, setSeries: false },
      points: { size: 6 },
      drag: { x: true, y: false },
    },
    hooks: {
      draw: [(u) => drawLines(u, of), (u) => drawStrip(u, of), (u) => drawMarks(u, of)],
      setCursor: [(u) => of.pointed(u.cursor.idx ?? null)],
    },
  };
  if (plot.stacked) {
    options.bands = plot.series.slice(1).map((_, i) => ({
      series: [i + 2, i + 1],
      fill: see(palette.series[(i + 1) % 6] ?? palette.ink, 0.3),
    }));
  }
  return options;
}

function axis(palette: Palette): uPlot.Axis {
  return {
    stroke: palette.ink,
    font: palette.font,
    grid: { stroke: palette.grid, width: 1 },
    ticks: { stroke: palette.grid, width: 1, size: 4 },
  };
}

function lineOf(of: Subject, i: number): uPlot.Series {
  const plot = of.plot();
  const series = plot.series[i];
  const colour = of.palette.series[i % 6] ?? of.palette.ink;
  const line: uPlot.Series = {
    label: series?.label ?? "",
    stroke: series?.faint ? see(colour, 0.55) : colour,
    width: series?.faint || of.plots().at.length > of.width ? 1 : 1.75,
    points: { show: true, size: 5, fill: colour, filter: (_, __) => alone(of.table()[i + 1] ?? []) },
  };
  if (series?.faint) {
    line.dash = [3, 3];
  }
  // The lowest area of a stack stands on the axis; a single line has a hint of one.
  if (plot.stacked ? i === 0 : plot.series.length === 1) {
    line.fill = see(colour, plot.stacked ? 0.3 : 0.12);
  }
  return line;
}

/** across is all that was asked for, gaps at its ends included, or what somebody has zoomed in to. */
function across(plots: Plots, u: uPlot, low: number, high: number): [number, number] {
  const times = u.data[0];
  const whole = low === times[0] && high === times[times.length - 1];
  return whole || times.length === 0 ? [plots.from, plots.until] : [low, high];
}

/**
 * drawLines draws what the values are held against: those of alerts are named at the left, others at the
 * right. One that is above the picture is named at its edge.
 */
function drawLines(u: uPlot, of: Subject): void {
  const { ctx, bbox } = u;
  const dot = devicePixelRatio;
  for (const line of of.plot().lines ?? []) {
    const colour = line.bad ? of.palette.bad : of.palette.ink;
    const y = u.valToPos(line.value, "y", true);
    const above = y < bbox.top;
    ctx.save();
    ctx.strokeStyle = colour;
    ctx.lineWidth = dot;
    if (!above) {
      ctx.setLineDash([6 * dot, 4 * dot]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.font = scaled(of.palette.font, dot);
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    const words = `${line.label}: ${valueIn(of.plot().unit, line.value)}${above ? " ↑" : ""}`;
    const wide = ctx.measureText(words).width;
    const left = line.bad ? bbox.left + 4 * dot : bbox.left + bbox.width - wide - 4 * dot;
    const bottom = above ? bbox.top + 15 * dot : y - 2 * dot;
    ctx.fillStyle = see(of.palette.ground, 0.75);
    ctx.fillRect(left - 2 * dot, bottom - 14 * dot, wide + 4 * dot, 14 * dot);
    ctx.fillStyle = colour;
    ctx.fillText(words, left, bottom);
    ctx.restore();
  }
}

const stripHeight = 16;

/** drawStrip draws states above the picture, with their words where there is room for them. */
function drawStrip(u: uPlot, of: Subject): void {
  const { ctx, bbox } = u;
  const dot = devicePixelRatio;
  const top = bbox.top - (stripHeight + 6) * dot;
  for (const stretch of of.plot().strip ?? []) {
    const left = Math.max(bbox.left, u.valToPos(stretch.from, "x", true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos(stretch.until, "x", true));
    if (right <= left) {
      continue;
    }
    const colour = of.palette.levels[stretch.level] ?? of.palette.grid;
    ctx.save();
    ctx.fillStyle = see(colour, 0.25);
    ctx.fillRect(left, top, right - left, stripHeight * dot);
    ctx.fillStyle = colour;
    ctx.fillRect(left, top + (stripHeight - 3) * dot, Math.max(dot, right - left), 3 * dot);
    ctx.font = scaled(of.palette.font, dot * 0.9);
    if (ctx.measureText(stretch.words).width + 8 * dot < right - left) {
      ctx.fillStyle = of.palette.ink;
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      ctx.fillText(stretch.words, left + 4 * dot, top + 7 * dot);
    }
    ctx.restore();
  }
}

/** drawMarks draws what happened, with its number in the list where there is room for it. */
function drawMarks(u: uPlot, of: Subject): void {
  const { ctx, bbox } = u;
  const dot = devicePixelRatio;
  let said = Number.POSITIVE_INFINITY;
  for (const mark of of.plot().marks ?? []) {
    const x = u.valToPos(mark.at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) {
      continue;
    }
    ctx.save();
    ctx.strokeStyle = of.palette.ink;
    ctx.fillStyle = of.palette.ink;
    ctx.lineWidth = dot;
    ctx.globalAlpha = 0.6;
    ctx.setLineDash([2 * dot, 3 * dot]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    if (Math.abs(said - x) > 16 * dot) {
      ctx.font = scaled(of.palette.font, dot * 0.9);
      ctx.textAlign = "center";
      ctx.textBaseline = "top";
      ctx.fillText(String(mark.number), x, bbox.top + 2 * dot);
      said = x;
    }
    ctx.restore();
  }
}

function scaled(font: string, by: number): string {
  return font.replace(/^\d+px/, `${Math.round(12 * by)}px`);
}
