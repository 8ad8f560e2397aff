import { backoff } from "../src/events/backoff";

// Parts of a page that change by themselves: <section data-refresh="/admin/updates/3/progress"> is replaced by
// what that address gives, every two seconds, for as long as that says again where it is. Nothing is asked for
// while nobody looks. Without this script there is a link to load the page anew, [data-reload], which is hidden
// while all goes well; [data-stale] says that it does not.

const every = 2_000;

type Sleep = (ms: number) => Promise<void>;

const sleep: Sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Keeps every part of a page fresh; it is over when all of them have come to their end. */
export async function refresh(page: Document, wait: Sleep = sleep): Promise<void> {
  const parts = [...page.querySelectorAll<HTMLElement>("[data-refresh]")];
  await Promise.all(parts.map((part) => keepFresh(part, wait)));
}

async function keepFresh(part: HTMLElement, wait: Sleep): Promise<void> {
  let shown = "";
  showStale(part, false);
  for (let failures = 0; part.dataset.refresh; ) {
    await wait(failures === 0 ? every : Math.max(every, backoff(failures)));
    await seen(part.ownerDocument);
    const path = part.dataset.refresh;
    const answer = await fetch(path, { redirect: "manual" }).catch(() => null);
    if (answer !== null && (answer.type === "opaqueredirect" || answer.status === 404)) {
      showStale(part, true); // the second factor is asked for, or there is nothing any more: the link leads there
      return;
    }
    const html = answer?.ok ? await answer.text().catch(() => null) : null;
    const next = html === null ? null : parse(html);
    if (next === null) {
      failures++;
      showStale(part, true);
      continue;
    }
    failures = 0;
    showStale(part, false);
    if (html === shown || part.querySelector(":active") !== null) continue; // somebody is just pressing a button
    shown = html ?? "";
    part = replace(part, next);
    showStale(part, false);
  }
}

/** Waits until the page is looked at. */
function seen(page: Document): Promise<void> {
  if (!page.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (page.hidden) return;
      page.removeEventListener("visibilitychange", look);
      resolve();
    };
    page.addEventListener("visibilitychange", look);
  });
}

function parse(html: string): HTMLElement | null {
  const first = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  return first instanceof HTMLElement ? first : null;
}

/** Puts another element in a part's place, with what was open open and the focus where it was. */
function replace(part: HTMLElement, next: HTMLElement): HTMLElement {
  const fresh = part.ownerDocument.importNode(next, true);
  for (const details of part.querySelectorAll<HTMLDetailsElement>("details[id]")) {
    const same = fresh.querySelector<HTMLDetailsElement>(`#${CSS.escape(details.id)}`);
    if (same !== null) same.open = details.open;
  }
  const focused = part.ownerDocument.activeElement;
  const focus = focused !== null && part.contains(focused) ? focused.id : "";
  part.replaceWith(fresh);
  if (focus !== "") fresh.querySelector<HTMLElement>(`#${CSS.escape(focus)}`)?.focus();
  return fresh;
}

function showStale(part: HTMLElement, stale: boolean): void {
  part.querySelector("[data-reload]")?.toggleAttribute("hidden", !stale);
  part.querySelector("[data-stale]")?.toggleAttribute("hidden", !stale);
}
