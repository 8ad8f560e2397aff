import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { type Asked, Pulse, Unsound } from "../src/engine/pulse.js";
import { Use } from "../src/use.js";
import { ManualClock, settle } from "./support/clock.js";

const minute = 60_000;

/** A page of the test's, and a pulse that asks it every minute. */
class Patient implements Asked {
  readonly clock = new ManualClock();
  readonly use = new Use(this.clock);
  readonly pulse: Pulse;
  readonly stop = new AbortController();
  readonly running: Promise<void>;
  is: "sound" | "unsound" | "silent" = "sound";
  isThere = true;
  isReady = true;
  asked = 0;
  readonly done: string[] = [];

  constructor() {
    this.pulse = new Pulse({
      page: this,
      config: { everySeconds: 60, timeoutSeconds: 10 },
      use: this.use,
      clock: this.clock,
      log: pino({ level: "silent" }),
    });
    this.running = this.pulse.run(this.stop.signal).catch(() => {});
  }

  there = () => this.isThere;
  ready = () => this.isReady;
  async answer(): Promise<void> {
    this.asked++;
    if (this.is === "silent") await new Promise(() => {});
    if (this.is === "unsound") throw new Unsound("it has just loaded itself anew");
  }
  doubt(): void {
    this.done.push("doubt");
    this.isReady = false;
  }
  believe(): void {
    if (this.done.at(-1) !== "doubt") return;
    this.done.push("believe");
    this.isReady = true;
  }
  replace(): void {
    this.done.push("replace");
  }
}

test("a page is asked every minute until five minutes after the last user has left, and no timer is left then", async () => {
  const page = new Patient();
  await page.clock.advance(20 * minute);
  assert.equal(page.asked, 4, "nobody has come since the start");
  assert.equal(page.clock.pending, 0);

  const leave = page.use.enter();
  await page.clock.advance(20 * minute);
  assert.equal(page.asked, 24, "somebody listens");
  leave();
  await page.clock.advance(20 * minute);
  assert.equal(page.asked, 28);
  assert.equal(page.clock.pending, 0);

  page.use.touch();
  await page.clock.advance(20 * minute);
  assert.equal(page.asked, 32, "one request");
});

test("a page that is not ready is asked although nobody is here, and one that is not there is not", async () => {
  const page = new Patient();
  await page.clock.advance(10 * minute);
  page.asked = 0;
  page.isReady = false;
  page.pulse.wake();
  await page.clock.advance(10 * minute);
  assert.equal(page.asked, 10);
  page.isThere = false;
  await page.clock.advance(10 * minute);
  assert.equal(page.asked, 10);
  assert.equal(page.clock.pending, 0);
  assert.equal(await page.pulse.ask(), false);
  assert.equal(page.asked, 10);
});

test("two who ask at once share one question; who asks later asks anew", async () => {
  const page = new Patient();
  assert.deepEqual(await Promise.all([page.pulse.ask(), page.pulse.ask()]), [true, true]);
  assert.equal(page.asked, 1);
  await page.pulse.ask();
  assert.equal(page.asked, 2);
});

test("a silent page that sleeps is found when it is asked, and replaced after its second silence", async () => {
  const page = new Patient();
  await page.clock.advance(10 * minute);
  page.is = "silent";
  await page.clock.advance(60 * minute);
  assert.deepEqual(page.done, [], "nobody has asked");

  const asking = page.pulse.ask();
  await page.clock.advance(9_000);
  assert.deepEqual(page.done, []);
  await page.clock.advance(1_000);
  assert.equal(await asking, false);
  assert.deepEqual(page.done, ["doubt"]);
  page.pulse.wake();
  await page.clock.advance(minute + 10_000);
  assert.deepEqual(page.done, ["doubt", "replace"]);
});

test("one silence is forgiven, and does not count when the next comes", async () => {
  const page = new Patient();
  for (let round = 0; round < 2; round++) {
    page.is = "silent";
    const asking = page.pulse.ask();
    await page.clock.advance(10_000);
    assert.equal(await asking, false);
    page.is = "sound";
    assert.equal(await page.pulse.ask(), true);
  }
  assert.deepEqual(page.done, ["doubt", "believe", "doubt", "believe"]);
});

test("a page that answers and is not ours yet has half a minute for it", async () => {
  const page = new Patient();
  page.is = "unsound";
  for (const second of [0, 10, 20]) {
    assert.equal(await page.pulse.ask(), false, `after ${second} s`);
    await page.clock.advance(10_000);
  }
  assert.deepEqual(page.done, ["doubt", "doubt", "doubt"]);
  await page.pulse.ask();
  assert.deepEqual(page.done, ["doubt", "doubt", "doubt", "replace"]);
});

test("it ends with its signal, asleep or not, and a failure after the end is nobody's", async () => {
  for (const idle of [0, 20 * minute]) {
    const page = new Patient();
    await page.clock.advance(idle);
    page.is = "silent";
    const asking = page.pulse.ask();
    page.stop.abort(new Error("stopped"));
    page.isThere = false;
    await page.running;
    await page.clock.advance(10_000);
    assert.equal(await asking, false);
    await settle();
    assert.ok(!page.done.includes("doubt"));
    assert.equal(page.clock.pending, 0);
  }
});
