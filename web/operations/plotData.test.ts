import { describe, expect, test } from "vitest";
import { alone, heightOf, stack, tableOf, ticksOf, withGaps } from "./plotData";

describe("gaps", () => {
  test("a missing minute is a point without values, never a zero and never a line across", () => {
    expect(withGaps([0, 60, 180, 240], [[1, 2, 4, 5]], 60)).toEqual([
      [0, 60, 120, 180, 240],
      [1, 2, null, 4, 5],
    ]);
  });
  test("an hour that is missing is one gap, and samples that come late are none", () => {
    expect(withGaps([0, 71, 119, 3800], [[1, 2, 3, 4]], 60)[1]).toEqual([1, 2, 3, null, 4]);
  });
  test("what was not read stays unknown", () => {
    expect(withGaps([0, 60], [[null, 0]], 60)[1]).toEqual([null, 0]);
  });
  test("nothing is missing of what has no step", () => {
    expect(withGaps([1, 9, 100], [[1, 2, 3]], 0)).toEqual([
      [1, 9, 100],
      [1, 2, 3],
    ]);
  });
  test("nothing is nothing", () => {
    expect(withGaps([], [[]], 60)).toEqual([[], []]);
  });
});

test("a stack adds up, and what is unknown makes the sums above it unknown", () => {
  expect(
    stack([
      [1, 2, null, 4],
      [10, null, 30, 40],
      [100, 200, 300, 0],
    ]),
  ).toEqual([
    [1, 2, null, 4],
    [11, null, null, 44],
    [111, null, null, 44],
  ]);
});

test("a picture is stacked before its gaps are put in", () => {
  const series = (values: (number | null)[]) => ({ label: "", values, figures: [] });
  const plots = { x: "time", from: 0, until: 300, step: 60, at: [0, 180], plots: [] };
  const plot = { name: "", title: "", unit: "bytes", series: [series([1, 2]), series([10, 20])] };
  expect(tableOf(plots, { ...plot, stacked: true })).toEqual([
    [0, 60, 180],
    [1, null, 2],
    [11, null, 22],
  ]);
  expect(tableOf(plots, plot)[2]).toEqual([10, null, 20]);
});

test("points without a neighbour are found, for a line does not show them", () => {
  expect(alone([1, null, 2, 3, null, 4])).toEqual([0, 5]);
  expect(alone([null, 7, null])).toEqual([1]);
  expect(alone([])).toEqual([]);
  expect(alone([0])).toEqual([0]);
});

describe("height", () => {
  const line = (value: number, always = false) => ({ label: "", value, always });
  test("reaches the largest value", () => expect(heightOf([[1, 50, null], [100]])).toBeCloseTo(108));
  test("reaches a line that is near", () => expect(heightOf([[400]], [line(1000)])).toBeCloseTo(1080));
  test("leaves out one that would press the values flat", () =>
    expect(heightOf([[10]], [line(1000)])).toBeCloseTo(10.8));
  test("reaches one that always counts", () =>
    expect(heightOf([[10]], [line(1000, true)])).toBeCloseTo(1080));
  test("lines do not pull each other up", () =>
    expect(heightOf([[400]], [line(1000), line(2000)])).toBeCloseTo(1080));
  test("is something where there is nothing", () => expect(heightOf([[null], []])).toBe(1));
});

describe("ticks", () => {
  const gigabyte = 1024 ** 3;
  test("of bytes are powers of two", () =>
    expect(ticksOf("bytes", 69 * gigabyte, 5)).toEqual([0, 16, 32, 48, 64].map((n) => n * gigabyte)));
  test("of rates are round", () => expect(ticksOf("pages/s", 1080, 5)).toEqual([0, 500, 1000]));
  test("of shares too", () => expect(ticksOf("%", 0.9, 5)).toEqual([0, 0.2, 0.4, 0.6000000000000001, 0.8]));
  test("of times are those of a clock", () =>
    expect(ticksOf("s", 15 * 3600, 5)).toEqual([0, 6 * 3600, 12 * 3600]));
  test("of slices are whole", () => expect(ticksOf("slices", 2.16, 5)).toEqual([0, 1, 2]));
});
