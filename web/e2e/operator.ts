import { mkdirSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { app, artifacts } from "./person";

/** Addresses below /admin that are no links anywhere: the styles, streams, and what River UI asks. */
export const hidden = [
  "/admin/",
  "/admin/jobs",
  "/admin/jobs/jobs",
  "/admin/jobs/queues",
  "/admin/jobs/api/jobs",
  "/admin/jobs/api/states",
  "/admin/jobs/api/queues",
  "/admin/jobs/api/features",
  "/admin/jobs/api/jobs/1",
  "/admin/live/servers",
  "/admin/no/such/address",
];

/** What River UI sends, beside the forms of the pages. */
export const hiddenActs = ["/admin/jobs/api/jobs/cancel", "/admin/jobs/api/jobs/delete", "/admin/leave"];

/** Paths and form targets that a walk has found. */
export interface Walk {
  pages: string[];
  acts: string[];
  /** What is wrong, each with its page. */
  problems: string[];
}

/**
 * Looks at every page that can be reached from the navigation: of links that differ only in a number or
 * in what is asked for, one is followed. River UI is somebody else's, and is looked at by itself.
 */
export async function walk(page: Page, width: number): Promise<Walk> {
  await page.setViewportSize({ width, height: width < 600 ? 740 : 900 });
  const found: Walk = { pages: [], acts: [], problems: [] };
  const waiting = ["/admin"];
  const known = new Set(waiting.map(kindOf));
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    found.pages.push(path);
    const { links, acts, problems } = await look(page, path, width);
    found.problems.push(...problems.map((problem) => `${path} at ${width} px: ${problem}`));
    for (const act of acts) if (!found.acts.includes(act)) found.acts.push(act);
    for (const link of links) {
      if (known.has(kindOf(link)) || /^\/admin\/(jobs|live)(\/|$)/.test(link)) continue;
      known.add(kindOf(link));
      waiting.push(link);
    }
  }
  return found;
}

/** Links of a kind lead to pages of a kind. */
function kindOf(path: string): string {
  const { pathname, searchParams } = new URL(path, app);
  return `${pathname.replace(/\d+/g, "N")}?${[...searchParams.keys()].sort()}`;
}

interface Looked {
  links: string[];
  acts: string[];
  problems: string[];
}

/** Opens one page, keeps a picture of it, and says what is wrong with it. */
export async function look(page: Page, path: string, width: number): Promise<Looked> {
  const problems: string[] = [];
  const failed = (error: Error) => problems.push(`throws ${error.message}`);
  // Also what the policy has refused, and files that are not there.
  const logged = (message: { type(): string; text(): string }) => {
    if (message.type() === "error" || /Content Security Policy/.test(message.text()))
      problems.push(`the console says ${message.text()}`);
  };
  page.on("pageerror", failed);
  page.on("console", logged);
  try {
    const response = await page.goto(app + path);
    if (response?.status() !== 200) problems.push(`answers ${response?.status()}`);
    const seen = await page.evaluate(inspect);
    mkdirSync(artifacts, { recursive: true });
    const name = path
      .replace(/\d+/g, "n")
      .replace(/[^a-z]+/gi, "-")
      .replace(/^-|-$/g, "");
    await page.screenshot({ path: join(artifacts, `${name}-${width}.png`), fullPage: true });
    return { ...seen, problems: [...problems, ...seen.problems] };
  } finally {
    page.off("pageerror", failed);
    page.off("console", logged);
  }
}

/** Runs in the page. */
function inspect(): Looked {
  const problems: string[] = [];
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth)
    problems.push(`is ${root.scrollWidth} px wide in a window of ${window.innerWidth}`);
  if (!/ – .+ operations$/.test(document.title)) problems.push(`has the title “${document.title}”`);
  for (const box of document.querySelectorAll(".wide")) {
    if (window.innerWidth > 1000 && box.scrollWidth > box.clientWidth)
      problems.push(
        `cuts off ${box.scrollWidth - box.clientWidth} px of “${box.textContent?.trim().slice(0, 30)}”`,
      );
  }
  const headings = document.querySelectorAll("h1").length;
  if (headings !== 1) problems.push(`has ${headings} main headings`);
  const jobs = document.querySelector("header a.jobs")?.textContent ?? "";
  if (!/^(No|\d+) failed jobs?$/.test(jobs)) problems.push(`says “${jobs}” of failed jobs`);
  if (document.querySelectorAll("header nav a").length < 5) problems.push("has no navigation");

  const small: string[] = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const box = text.parentElement;
    if (!box || !text.textContent?.trim() || !box.checkVisibility()) continue;
    if (/^(SCRIPT|STYLE|NOSCRIPT|OPTION)$/.test(box.tagName)) continue;
    // A picture is drawn larger or smaller than it is written.
    const scale = box instanceof SVGGraphicsElement ? (box.getScreenCTM()?.a ?? 1) : 1;
    const size = Math.round(Number.parseFloat(getComputedStyle(box).fontSize) * scale * 10) / 10;
    if (size < 11) small.push(`“${text.textContent.trim().slice(0, 30)}” in ${size} px`);
  }
  if (small.length > 0) problems.push(`writes ${small.length} texts too small, such as ${small[0]}`);
  const labelOf = (one: Element) =>
    one.getAttribute("aria-label") ||
    (one instanceof HTMLInputElement || one instanceof HTMLSelectElement || one instanceof HTMLTextAreaElement
      ? [...(one.labels ?? [])].map(({ textContent }) => textContent).join("")
      : one.textContent);
  for (const one of document.querySelectorAll(
    "button, a[href], select, textarea, input:not([type=hidden])",
  )) {
    if (one.checkVisibility() && !labelOf(one)?.trim())
      problems.push(`has ${one.outerHTML.slice(0, 80)} without a name`);
  }

  const links: string[] = [];
  for (const link of document.querySelectorAll<HTMLAnchorElement>("nav a[href], main a[href]")) {
    const { origin, pathname, search } = new URL(link.href);
    if (origin === location.origin && /^\/admin(\/|$)/.test(pathname)) links.push(pathname + search);
  }
  const acts: string[] = [];
  for (const button of document.querySelectorAll<HTMLButtonElement>("form button")) {
    if (button.form && (button.formMethod || button.form.method) === "post")
      acts.push(new URL(button.hasAttribute("formaction") ? button.formAction : button.form.action).pathname);
  }
  return { links, acts, problems };
}

/** How an address answers to whoever has this browser's cookies: its status, and where it leads. */
export async function answers(context: BrowserContext, path: string, method = "GET"): Promise<string> {
  const cookies = await context.cookies(app);
  const { host, port } = new URL(app);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(
      {
        // Outside of browsers *.localhost is often unknown.
        host: "127.0.0.1",
        port,
        path,
        method,
        headers: {
          Host: host,
          Cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; "),
          // As the app's own pages send it.
          Origin: app,
          "Sec-Fetch-Site": "same-origin",
        },
      },
      resolve,
    );
    asked.on("error", reject);
    asked.end();
  });
  answer.resume();
  if (answer.statusCode === 429) {
    // The limit of requests a second is no answer.
    await new Promise((done) => setTimeout(done, 250));
    return answers(context, path, method);
  }
  const leads = answer.headers.location;
  return leads ? `${answer.statusCode} ${leads.split("?")[0]}` : String(answer.statusCode);
}
