import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import type { WaState } from "../src/api.js";
import { Rest } from "../src/rest.js";
import { Use } from "../src/use.js";
import { ManualClock } from "./support/clock.js";

/** A session of the test's that counts how often it was told to rest. */
class Resting {
  readonly clock = new ManualClock();
  readonly use = new Use(this.clock);
  readonly rest: Rest;
  rests = 0;
  #state: WaState = "starting";

  constructor() {
    this.rest = new Rest({
      engine: {
        status: () => ({ state: this.#state, reason: null, phoneNumber: null, lastEventAt: null }),
        rest: async () => {
          this.rests++;
          throw new Error("the page is gone");
        },
      },
      use: this.use,
      clock: this.clock,
      log: pino({ level: "silent" }),
    });
  }

  become(state: WaState): void {
    this.#state = state;
    this.rest.statusChanged();
  }
}

test("a session that has become ready rests once, though nobody ever came, and again when it is ready anew", async () => {
  const session = new Resting();
  await session.clock.advance(120_000);
  session.become("ready");
  await session.clock.advance(29_000);
  assert.equal(session.rests, 0);
  await session.clock.advance(1_000);
  assert.equal(session.rests, 1);
  session.become("ready");
  await session.clock.advance(3_600_000);
  assert.equal(session.rests, 1);
  assert.equal(session.clock.pending, 0, "an idle slice has no timer");

  session.become("disconnected");
  await session.clock.advance(60_000);
  assert.equal(session.rests, 1);
  session.become("ready");
  await session.clock.advance(60_000);
  assert.equal(session.rests, 2);
});

test("it rests once each time the last user has left, 30 s after that", async () => {
  const session = new Resting();
  session.become("ready");
  const leave = session.use.enter();
  await session.clock.advance(600_000);
  assert.equal(session.rests, 0, "somebody is here");
  assert.equal(session.clock.pending, 0, "the end of an open stream needs no timer");
  leave();
  for (let second = 0; second < 60; second += 10) {
    session.use.touch();
    await session.clock.advance(10_000);
  }
  assert.equal(session.rests, 0, "somebody asked a moment ago");
  await session.clock.advance(20_000);
  assert.equal(session.rests, 1);
  await session.clock.advance(3_600_000);
  assert.equal(session.rests, 1);

  session.use.touch();
  await session.clock.advance(30_000);
  assert.equal(session.rests, 2);
});

test("one that is not ready when everybody has left rests once it is", async () => {
  const session = new Resting();
  session.become("qr");
  session.use.touch();
  await session.clock.advance(60_000);
  assert.equal(session.rests, 0);
  session.become("ready");
  await session.clock.advance(30_000);
  assert.equal(session.rests, 1);
  session.use.touch();
  session.rest.stop();
  await session.clock.advance(60_000);
  assert.equal(session.rests, 1);
});
