// Values and times in words, as the pages say them (views.AdminValue).
import type { Plot, Value } from "./plotData";

/** valueIn says a value in a unit. */
export function valueIn(unit: string, value: number): string {
  switch (unit) {
    case "bytes":
      return bytes(value);
    case "bytes/s":
      return value < 1024 ? `${Math.round(value)} B/s` : `${bytes(value)}/s`;
    case "%":
      return `${value.toFixed(value !== 0 && Math.abs(value) < 1 ? 2 : 1)} %`;
    case "s":
      return span(value);
    default:
      return `${count(value)} ${unit}`;
  }
}

function count(value: number): string {
  return value.toFixed(!Number.isInteger(value) && Math.abs(value) < 100 ? 1 : 0);
}

function bytes(n: number): string {
  if (n < 1024 ** 2) {
    return `${Math.floor(n / 1024)} KB`;
  }
  if (n < 1024 ** 3) {
    return `${Math.floor(n / 1024 ** 2)} MB`;
  }
  if (n < 100 * 1024 ** 3) {
    return `${(n / 1024 ** 3).toFixed(1)} GB`;
  }
  return `${Math.floor(n / 1024 ** 3)} GB`;
}

function span(seconds: number): string {
  if (seconds < 60) {
    return `${Math.floor(seconds)} s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min`;
  }
  if (seconds < 48 * 3600) {
    return `${Math.floor(seconds / 3600)} h`;
  }
  return `${Math.floor(seconds / 86400)} days`;
}

/** tickIn is a value at an axis: without what all of its values share. */
export function tickIn(unit: string, value: number): string {
  switch (unit) {
    case "bytes":
      return value === 0 ? "0" : roundBytes(value);
    case "bytes/s":
      return value === 0 ? "0" : value < 1024 ? `${value} B` : roundBytes(value);
    case "%":
      return `${+value.toPrecision(6)} %`;
    case "s":
      return value === 0 ? "0" : span(value);
    default:
      return value >= 10000 ? `${+(value / 1000).toPrecision(6)}k` : `${+value.toPrecision(6)}`;
  }
}

function roundBytes(n: number): string {
  const units = ["KB", "MB", "GB", "TB"];
  let scaled = n / 1024;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${+scaled.toPrecision(3)} ${units[unit]}`;
}

const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const calendar: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };

function written(seconds: number, options: Intl.DateTimeFormatOptions, zone: string | undefined): string {
  return new Intl.DateTimeFormat("en-GB", zone ? { ...options, timeZone: zone } : options).format(
    1000 * seconds,
  );
}

/** ticksOfTime are the labels of an axis: the hour, and the day where another begins. A zone: the viewer's own. */
export function ticksOfTime(times: readonly number[], apart: number, zone?: string): string[] {
  return times.map((time) => {
    const hour = written(time, clock, zone);
    return apart >= 86400 || hour === "00:00" ? written(time, calendar, zone) : hour;
  });
}

/** moment is one point of time, for those who point at it. */
export function moment(seconds: number, zone?: string): string {
  return written(seconds, { weekday: "short", ...calendar, ...clock }, zone);
}

/** readout says all values of one place; values are those before they were stacked. */
export function readout(plot: Plot, where: string, values: readonly Value[]): string {
  const said = plot.series.map((series, i) => {
    const value = values[i] ?? null;
    return `${series.label} ${value === null ? "not known" : valueIn(plot.unit, value)}`;
  });
  return `${where}: ${said.join(", ")}`;
}

/** zoneNote says whose clock an axis shows. */
export function zoneNote(zone: string): string {
  return `Times at the axes are those of ${zone}. Drag in a picture to zoom in, double-click to see all of it.`;
}
