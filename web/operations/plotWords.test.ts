import { expect, test } from "vitest";
import { moment, readout, tickIn, ticksOfTime, valueIn } from "./plotWords";

test.each([
  ["bytes", 3 * 1024 ** 3, "3.0 GB"],
  ["bytes", 150 * 1024 ** 3, "150 GB"],
  ["bytes", 28 * 1024 ** 2, "28 MB"],
  ["bytes", 0, "0 KB"],
  ["bytes/s", 12.4, "12 B/s"],
  ["bytes/s", 20480, "20 KB/s"],
  ["pages/s", 1000, "1000 pages/s"],
  ["pages/s", 3.25, "3.3 pages/s"],
  ["%", 12.34, "12.3 %"],
  ["%", 0.042, "0.04 %"],
  ["%", 0, "0.0 %"],
  ["s", 45, "45 s"],
  ["s", 90, "1 min"],
  ["s", 7200, "2 h"],
  ["s", 3 * 86400, "3 days"],
  ["slices", 12, "12 slices"],
])("%s %d is %s", (unit, value, words) => expect(valueIn(unit, value)).toBe(words));

test.each([
  ["bytes", 0, "0"],
  ["bytes", 16 * 1024 ** 3, "16 GB"],
  ["bytes/s", 512, "512 B"],
  ["bytes/s", 2048, "2 KB"],
  ["%", 0.6000000000000001, "0.6 %"],
  ["pages/s", 20000, "20k"],
  ["slices", 3, "3"],
  ["s", 6 * 3600, "6 h"],
])("at an axis %s %d is %s", (unit, value, words) => expect(tickIn(unit, value)).toBe(words));

const midnight = Date.UTC(2026, 10, 27) / 1000;

test("an axis says the hour, and the day where another begins, by the viewer's clock", () => {
  const times = [-6, 0, 6].map((hours) => midnight + hours * 3600);
  expect(ticksOfTime(times, 6 * 3600, "UTC")).toEqual(["18:00", "27 Nov", "06:00"]);
  expect(ticksOfTime(times, 6 * 3600, "Europe/Paris")).toEqual(["19:00", "01:00", "07:00"]);
  expect(ticksOfTime([midnight + 3600], 86400, "UTC")).toEqual(["27 Nov"]);
});

test("who points at a place reads all of its values, and what is not known", () => {
  const series = (label: string) => ({ label, values: [], figures: [] });
  const plot = { name: "", title: "", unit: "bytes", series: [series("RAM"), series("Swap")] };
  expect(readout(plot, moment(midnight + 3600, "America/New_York"), [1024 ** 3, null])).toBe(
    "Thu 26 Nov, 20:00: RAM 1.0 GB, Swap not known",
  );
});
