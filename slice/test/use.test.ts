import assert from "node:assert/strict";
import { test } from "node:test";
import { Use } from "../src/use.js";
import { ManualClock } from "./support/clock.js";

test("use: a request counts at its moment, an event stream until its end", async () => {
  const clock = new ManualClock();
  const use = new Use(clock);
  await clock.advance(7_000);
  assert.equal(use.idleMs(), 7_000, "since the start");
  use.touch();
  assert.equal(use.idleMs(), 0);
  await clock.advance(3_000);
  const leave = [use.enter(), use.enter()];
  await clock.advance(60_000);
  leave[0]?.();
  leave[0]?.();
  await clock.advance(60_000);
  assert.equal(use.idleMs(), 0, "one stream that ends twice is not two");
  leave[1]?.();
  await clock.advance(5_000);
  assert.equal(use.idleMs(), 5_000);
});

test("use: who listens hears of everybody who comes or goes, and of nobody after that", () => {
  const use = new Use(new ManualClock());
  let heard = 0;
  const silence = use.listen(() => heard++);
  use.touch();
  use.enter()();
  assert.equal(heard, 3);
  silence();
  use.touch();
  assert.equal(heard, 3);
});
