// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepLive } from "./live";

// Stream stands for an EventSource, which a DOM without a network does not have.
class Stream extends EventTarget {
  static all: Stream[] = [];
  closed = false;
  constructor(readonly url: string) {
    super();
    Stream.all.push(this);
  }
  close(): void {
    this.closed = true;
  }
  tell(name: string, data: unknown = {}, lastEventId = ""): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId }));
  }
  static get open(): Stream[] {
    return Stream.all.filter((one) => !one.closed);
  }
}

// newest is the only stream that is open.
function newest(): Stream {
  expect(Stream.open).toHaveLength(1);
  return Stream.open[0] as Stream;
}

const grid = `
  <a class="jobs" data-live="failed" href="/j">No failed jobs</a>
  <p class="note live" data-live-stream="/admin/live/slices?state=trouble&shown=abc" data-live-note="The order stays."></p>
  <ul data-live-more>
    <li class="ok" data-live="slice-1"><a href="/1"><b>1</b><span data-clock>idle 5 min</span></a></li>
    <li class="ok" data-live="slice-2"><a href="/2"><b>2</b><span data-clock>idle 6 min</span></a></li>
  </ul>`;

const tile = (number: number, words: string) =>
  `<li class="bad" data-live="slice-${number}"><a href="/${number}"><b>${words}</b><span data-clock></span></a></li>`;

let hidden = false;

function show(html: string): void {
  document.body.innerHTML = html;
  keepLive(document);
}

const text = (selector: string) => document.querySelector(selector)?.textContent?.trim();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Stream);
  hidden = false;
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  Stream.all = [];
});

afterEach(() => {
  for (const one of Stream.open) one.tell("bye"); // its page listens to the document for good
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function setHidden(value: boolean): void {
  hidden = value;
  document.dispatchEvent(new Event("visibilitychange"));
}

test("a page without a stream opens none", () => {
  show("<p>Servers</p>");
  expect(Stream.all).toHaveLength(0);
});

test("it says in words whether it is live", () => {
  show(grid);
  expect(text(".live")).toBe("Not live: connecting");
  expect(newest().url).toBe("/admin/live/slices?state=trouble&shown=abc");
  newest().tell("change", { all: true, same: true });
  expect(text(".live")).toBe("Live The order stays.");
  newest().tell("reset");
  expect(text(".live")).toBe("Not live: the server asks the database again");
  newest().tell("change", { all: true });
  expect(text(".live")).toBe("Live The order stays.");
});

test("tiles change where they stand", () => {
  show(grid);
  newest().tell("change", {
    all: true,
    same: true,
    clock: { "slice-1": "idle 7 min", "slice-2": "idle 6 min" },
  });
  expect(text('[data-live="slice-1"] [data-clock]')).toBe("idle 7 min");
  expect(document.querySelectorAll("[data-live-mark]")).toHaveLength(0);
  newest().tell("change", {
    parts: {
      "slice-2": tile(2, "crashed"),
      failed: '<a class="jobs bad" data-live="failed" href="/j">1 failed job</a>',
    },
    clock: { "slice-2": "idle 8 min" },
  });
  expect([...document.querySelectorAll("li b")].map((one) => one.textContent)).toEqual(["1", "crashed"]);
  expect(text('[data-live="slice-2"] [data-clock]')).toBe("idle 8 min");
  expect(text(".jobs.bad")).toBe("1 failed job");
});

test("what leaves the filter, ends or is new says so, and nothing moves", () => {
  show(grid);
  newest().tell("change", { all: true, same: true });
  newest().tell("change", { left: ["slice-1"], gone: ["slice-2"], parts: { "slice-3": tile(3, "failed") } });
  expect([...document.querySelectorAll("[data-live-mark]")].map((one) => one.textContent)).toEqual([
    "not in this list any more",
    "is no more",
    "new here",
  ]);
  newest().tell("change", { parts: { "slice-1": tile(1, "is back") } });
  expect(document.querySelector('[data-live="slice-1"] [data-live-mark]')).toBeNull();
  // What has left while the page was not live.
  newest().tell("change", { all: true, parts: { "slice-3": tile(3, "failed") } });
  expect(text('[data-live="slice-1"] [data-live-mark]')).toBe("not in this list any more");
});

test("nothing changes under a finger", () => {
  show(grid);
  document.dispatchEvent(new Event("pointerdown"));
  newest().tell("change", { parts: { "slice-1": tile(1, "first") } });
  newest().tell("change", { parts: { "slice-1": tile(1, "second") } });
  expect(text('[data-live="slice-1"] b')).toBe("1");
  document.dispatchEvent(new Event("pointerup"));
  vi.runAllTimers();
  expect(text('[data-live="slice-1"] b')).toBe("second");
});

test("buttons wait until they are left, and other parts do not lose the focus", () => {
  const acts = (word: string) => `<div data-live="acts"><form><button>${word}</button></form></div>`;
  show(
    `<p data-live-stream="/admin/live/slices/1"></p>${acts("Suspend")}<p data-live="now"><a href="/u">ann</a></p>`,
  );
  document.querySelector("button")?.focus();
  newest().tell("change", { parts: { acts: acts("Resume") } });
  expect(text("button")).toBe("Suspend");
  document.querySelector<HTMLElement>('[data-live="now"] a')?.focus();
  vi.runAllTimers();
  expect(text("button")).toBe("Resume");
  newest().tell("change", { parts: { now: '<p data-live="now"><a href="/u">ben</a></p>' } });
  expect(document.activeElement?.textContent).toBe("ben");
});

test("a hidden page holds no stream, and asks for everything when it is seen again", () => {
  show(grid);
  newest().tell("change", { all: true, same: true });
  setHidden(true);
  expect(Stream.open).toHaveLength(0);
  vi.advanceTimersByTime(600_000);
  expect(Stream.open).toHaveLength(0);
  setHidden(false);
  expect(newest().url).toBe("/admin/live/slices?state=trouble");
});

test("a lost stream comes back, ever later while it is refused", () => {
  show(grid);
  newest().tell("change", { all: true, same: true });
  newest().tell("error");
  expect(text(".live")).toBe("Not live: reconnecting");
  expect(Stream.open).toHaveLength(0);
  vi.advanceTimersByTime(2_000);
  newest().tell("error");
  vi.advanceTimersByTime(2_000);
  expect(Stream.open).toHaveLength(0);
  vi.advanceTimersByTime(2_000);
  expect(newest().url).not.toContain("shown");
  newest().tell("change", { all: true });
  newest().tell("error");
  vi.advanceTimersByTime(2_000);
  expect(Stream.open).toHaveLength(1);
});

test("after a bye it stays closed and says what to do", () => {
  show(grid);
  newest().tell("bye");
  expect(text(".live")).toContain("Load the page anew");
  setHidden(true);
  setHidden(false);
  vi.advanceTimersByTime(600_000);
  expect(Stream.open).toHaveLength(0);
});

test("a log grows by its lines, keeps the newest, and comes back after the last", () => {
  show(`<p data-live-stream="/admin/live/logs/4?after=2"></p><p data-live-none>Nothing yet</p>
    <ol data-live-lines><li>one</li><li>two</li></ol><p><a data-live-instead href="?">Show more</a></p>`);
  newest().tell("open");
  expect(text("[data-live-stream]")).toBe("Live");
  expect(document.querySelector("[data-live-instead]")).toBeNull();
  newest().tell("lines", { html: "<li>three</li><li>four</li>" }, "4");
  expect([...document.querySelectorAll("li")].map((one) => one.textContent)).toEqual([
    "one",
    "two",
    "three",
    "four",
  ]);
  expect(document.querySelector("[data-live-none]")).toBeNull();
  newest().tell("lines", { html: "<li>x</li>".repeat(1000) }, "1004");
  expect(document.querySelectorAll("li")).toHaveLength(1000);
  newest().tell("error");
  vi.advanceTimersByTime(2_000);
  expect(newest().url).toBe("/admin/live/logs/4?after=1004");
});
