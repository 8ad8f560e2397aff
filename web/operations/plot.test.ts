// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { drawAll } from "./plot";
import type { Plots } from "./plotData";

// A canvas that notes what it is given: there is none in this DOM.
const drawn = vi.hoisted(
  () => [] as { data: unknown[]; reset: unknown[]; scales: { x: { min: number; max: number } } }[],
);
vi.mock("uplot", () => ({
  default: class {
    data: unknown[] = [];
    reset: unknown[] = [];
    scales = { x: { min: 0, max: 600 } };
    constructor(_: unknown, data: unknown) {
      this.data.push(data);
      drawn.push(this);
    }
    setData(data: unknown, reset: boolean) {
      this.data.push(data);
      this.reset.push(reset);
    }
    redraw() {}
    destroy() {}
  },
}));

const plots = (last: number): Plots => ({
  said: `of ${last}`,
  x: "time",
  from: 0,
  until: 600,
  step: 60,
  at: [0, 60, 180],
  plots: [
    {
      name: "memory",
      title: "",
      unit: "bytes",
      series: [{ label: "RAM", values: [1, 2, last], figures: [`${last} B`, "1 B", "2 B", "9 B"] }],
    },
  ],
});

const page = (data: string, source = "/newer") => {
  document.body.innerHTML = `<div data-plots id="a" data-src="${source}">${data}<span data-said></span><span data-trouble></span>
    <div data-plot="memory" hidden></div><p data-readout="memory" hidden></p>
    <table data-figures="memory"><tbody><tr><th>RAM</th><td>–</td><td>–</td><td>–</td><td>–</td></tr></tbody></table></div>`;
  drawAll(document);
};
const inline = (value: Plots) => `<script type="application/json">${JSON.stringify(value)}</script>`;
const text = (where: string) => document.querySelector(where)?.textContent;
const answers = (...all: (Partial<Response> | Error)[]) => {
  const asked = vi.fn();
  for (const one of all) {
    if (one instanceof Error) {
      asked.mockRejectedValueOnce(one);
    } else {
      asked.mockResolvedValueOnce({ ok: true, redirected: false, status: 200, ...one });
    }
  }
  vi.stubGlobal("fetch", asked);
  return asked;
};
const newer = (last: number) => ({ json: async () => plots(last) });
const minute = () => vi.advanceTimersByTimeAsync(60_000);
const hide = (hidden: boolean) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
};

beforeEach(() => {
  vi.useFakeTimers();
  drawn.length = 0;
  hide(false);
});
afterEach(() => {
  document.body.innerHTML = "";
  vi.clearAllTimers();
  vi.unstubAllGlobals();
});

test("what is on the page is drawn at once, with its gap, and nothing is fetched for it", () => {
  const asked = answers();
  page(inline(plots(5)));
  expect(drawn[0]?.data).toEqual([
    [
      [0, 60, 120, 180],
      [1, 2, null, 5],
    ],
  ]);
  expect(document.querySelector<HTMLElement>("[data-plot]")?.hidden).toBe(false);
  expect(asked).not.toHaveBeenCalled();
});

test("what is not on the page is fetched", async () => {
  answers(newer(7));
  page("");
  await vi.advanceTimersByTimeAsync(0);
  expect(drawn.map((one) => one.data.length)).toEqual([1]);
  expect(text("td")).toBe("7 B");
});

test("newer values come every minute, into the picture and into the words", async () => {
  const asked = answers(newer(6), newer(7));
  page(inline(plots(5)));
  await minute();
  expect(asked).toHaveBeenCalledWith("/newer", expect.anything());
  expect([text("td"), text("[data-said]")]).toEqual(["6 B", "of 6"]);
  await minute();
  expect(drawn).toHaveLength(1);
  expect(drawn[0]?.data.at(-1)).toEqual([
    [0, 60, 120, 180],
    [1, 2, null, 7],
  ]);
  expect(drawn[0]?.reset).toEqual([true, true]);
});

test("whoever has zoomed in stays there", async () => {
  answers(newer(6));
  page(inline(plots(5)));
  if (drawn[0]) {
    drawn[0].scales.x = { min: 100, max: 200 };
  }
  await minute();
  expect(drawn[0]?.reset).toEqual([false]);
});

test("nothing is fetched while nobody looks, and at once when somebody does again", async () => {
  const asked = answers(newer(6));
  page(inline(plots(5)));
  hide(true);
  await minute();
  await minute();
  expect(asked).not.toHaveBeenCalled();
  hide(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toHaveBeenCalledTimes(1);
});

test("a failure is said and tried again; the end of a session is said and ends it", async () => {
  const asked = answers(new Error("offline"), newer(6), { redirected: true });
  page(inline(plots(5)));
  await minute();
  expect(text("[data-trouble]")).toContain("tried again in a minute");
  expect(text("td")).toBe("–");
  await minute();
  expect([text("[data-trouble]"), text("td")]).toEqual(["", "6 B"]);
  await minute();
  expect(text("[data-trouble]")).toContain("reload the page");
  await minute();
  expect(asked).toHaveBeenCalledTimes(3);
});
