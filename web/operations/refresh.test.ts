// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from "vitest";
import { refresh } from "./refresh";

const path = "/admin/updates/3/progress";
const links = '<a data-reload href="/">Reload</a><span data-stale hidden>old</span>';
const part = (inner: string, more = true) =>
  `<section ${more ? `data-refresh="${path}"` : ""}>${links}${inner}</section>`;

/** Answers in turn; each is a part's HTML, or how it fails. */
function answers(...given: (string | Response | Error)[]) {
  const fetched = vi.fn(async (_: string, _options?: RequestInit) => {
    const next = given.shift();
    if (next instanceof Error || next === undefined) throw next ?? new Error("asked too often");
    return next instanceof Response ? next : new Response(next);
  });
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

const waits: number[] = [];
const wait = async (ms: number) => void waits.push(ms);

beforeEach(() => {
  waits.length = 0;
  document.body.innerHTML = `<h1>stays</h1>${part("1 of 3")}`;
  hide(false);
});

function hide(hidden: boolean) {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

it("shows a part anew until it is finished", async () => {
  const fetched = answers(part("2 of 3"), part("2 of 3"), part("3 of 3", false));
  await refresh(document, wait);
  expect(fetched.mock.calls.map((call) => call[0])).toEqual([path, path, path]);
  expect(waits).toEqual([2_000, 2_000, 2_000]);
  expect(document.body.textContent).toContain("3 of 3");
  expect(document.body.textContent).not.toContain("1 of 3");
  expect(document.querySelector("h1")?.textContent).toBe("stays");
});

it("leaves alone what has not changed, keeps what is open and the focus", async () => {
  const inner = (n: number) =>
    `${n}<button id="rollout-pause">Pause</button><details id="rollout-check"><summary>check</summary></details>`;
  document.body.innerHTML = part(inner(1));
  document.querySelector<HTMLElement>("button")?.focus();
  (document.querySelector("details") as HTMLDetailsElement).open = true;
  let first: Element | null = null;
  answers(part(inner(2)), part(inner(2)), part(inner(3), false));
  let turn = 0;
  await refresh(document, async () => {
    if (++turn === 2) first = document.querySelector("section");
    if (turn === 3) expect(document.querySelector("section")).toBe(first);
  });
  expect(document.body.textContent).toContain("3");
  expect(document.activeElement?.id).toBe("rollout-pause");
  expect(document.querySelector("details")?.open).toBe(true);
});

it("goes on after a failure, more slowly, and says so", async () => {
  const hidden = () => document.querySelector("[data-stale]")?.hasAttribute("hidden");
  const said: (boolean | undefined)[] = [];
  answers(
    new Error("no network"),
    new Response("", { status: 502 }),
    new Response("nothing"),
    part("2"),
    part("3", false),
  );
  await refresh(document, async (ms) => {
    waits.push(ms);
    said.push(hidden());
  });
  expect(said).toEqual([true, false, false, false, true]);
  expect(waits[4]).toBe(2_000);
  expect(waits[3]).toBeGreaterThan(2_000);
  expect(document.querySelector("[data-reload]")?.hasAttribute("hidden")).toBe(true);
});

it("ends where the second factor is asked for, and shows the link that leads there", async () => {
  const away = new Response(null);
  Object.defineProperty(away, "type", { value: "opaqueredirect" });
  const fetched = answers(away);
  await refresh(document, wait);
  expect(fetched).toHaveBeenCalledTimes(1);
  expect(document.querySelector("[data-reload]")?.hasAttribute("hidden")).toBe(false);
  expect(document.querySelector("[data-stale]")?.hasAttribute("hidden")).toBe(false);
});

it("asks for nothing while nobody looks", async () => {
  const fetched = answers(part("2", false));
  hide(true);
  const done = refresh(document, wait);
  await new Promise((resolve) => setTimeout(resolve));
  expect(waits).toEqual([2_000]);
  expect(fetched).not.toHaveBeenCalled();
  hide(false);
  await done;
  expect(fetched).toHaveBeenCalledTimes(1);
});
