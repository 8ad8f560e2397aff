// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { dayName, daysUntil, inSeconds, listTime, minutesAndSeconds, spanOf } from "./time";

const now = new Date(2026, 2, 10, 0, 30);
const at = (...date: [number, number, number, number]) => new Date(...date).toISOString();

it("names days as people do, by the local calendar and not by hours", () => {
  expect(dayName(at(2026, 2, 10, 0), now)).toBe("Today");
  expect(dayName(at(2026, 2, 9, 23), now)).toBe("Yesterday");
  expect(dayName(at(2026, 2, 8, 23), now)).toMatch(/Sunday.*8|Sunday.*March/);
  expect(dayName(at(2025, 11, 31, 12), now)).toMatch(/2025/);
});

it("shows in the list the time for today, the weekday for a week, then the date", () => {
  expect(listTime(at(2026, 2, 10, 0), now)).toMatch(/^(00|12):00/);
  expect(listTime(at(2026, 2, 9, 1), now)).toBe("Yesterday");
  expect(listTime(at(2026, 2, 4, 12), now)).toBe("Wednesday");
  expect(listTime(at(2026, 2, 3, 12), now)).toMatch(/26$/);
});

it("counts begun days of a trial, and none after it", () => {
  const start = Date.parse("2026-03-10T12:00:00Z");
  expect(daysUntil("2026-03-10T12:00:01Z", start)).toBe(1);
  expect(daysUntil("2026-03-24T12:00:00Z", start)).toBe(14);
  expect(daysUntil("2026-03-10T11:00:00Z", start)).toBe(0);
});

it("writes seconds as minutes and seconds", () => {
  expect([0, 9, 65, 600].map(minutesAndSeconds)).toEqual(["0:00", "0:09", "1:05", "10:00"]);
});

it("counts down in seconds, and in minutes where there are many", () => {
  expect([1, 60, 119, 120, 299].map(inSeconds)).toEqual(["1 s", "60 s", "119 s", "2:00 min", "4:59 min"]);
});

it.each([
  [7 * 86_400, "7 days"],
  [86_400, "1 day"],
  [36 * 3600, "36 hours"],
  [3600, "1 hour"],
])("says for how long: %d seconds are %s", (seconds, words) => {
  expect(spanOf(seconds)).toBe(words);
});
