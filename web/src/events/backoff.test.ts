import { expect, it } from "vitest";
import { backoff } from "./backoff";

it("doubles from a second to half a minute", () => {
  expect([0, 1, 2, 3, 4, 5, 100].map((tries) => backoff(tries, () => 1))).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
  ]);
});

it("is spread by a quarter", () => {
  expect(backoff(0, () => 0)).toBe(750);
});
