import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { crashForTheLastTime } from "./crash";
import { app, launch, type Person } from "./person";
import {
  type Authenticator,
  does,
  figure,
  inMinutes,
  markLoaded,
  newCustomer,
  openUser,
  passAgain,
  sliceOf,
  takeSeat,
  withoutScript,
} from "./seat";

let browser: Browser;
let op: Person;
let authenticator: Authenticator;
/** The operator's second page. */
let other: Page;
let customer: Person;
let slice: number;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const openSlice = (page: Page) => page.goto(`${app}/admin/slices/${slice}`);

test("an account is given time, stopped and started, and the waiting list says where places come from", async () => {
  customer = await newCustomer(browser, "dora");
  slice = await sliceOf(customer);
  ({ op, authenticator } = await takeSeat(browser));
  other = await op.context.newPage();
  const { page } = op;
  await openUser(page, customer.email);
  const until = await figure(page, "Trial until").textContent();
  await page.getByLabel(/^Extend the trial by days/).fill("5");
  expect(await does(page, "Extend")).toMatch(/ has 5 days more\.$/);
  expect(await figure(page, "Trial until").textContent()).not.toBe(until);
  expect(await does(page, "Suspend")).toContain("suspend is ordered");
  await customer.page.getByRole("heading", { name: "Your workspace is paused" }).waitFor();
  await page.reload();
  expect(await does(page, "Resume")).toContain("resume is ordered");
  await page.getByText("admin.user.suspend", { exact: true }).waitFor();
  await vi.waitFor(async () => expect((await customer.ask("/api/status")).status).toBe(200), {
    timeout: 60_000,
    interval: 500,
  });

  await page.goto(`${app}/admin/users`);
  await page.getByRole("link", { name: "Waiting list" }).click();
  await page.getByRole("heading", { level: 1, name: "Waiting list" }).waitFor();
  const places = await page.locator("dl.card dd").first().textContent();
  expect(places).toMatch(/^\d+ ready, \d+ being made, room for \d+ more$/);
});

test("somebody takes an alert and gives it back, and a window is planned and ended", async () => {
  const { page } = op;
  await crashForTheLastTime(slice);
  const alert = page.locator(".lines li", { hasText: "slice.failed" }).filter({ hasText: `slice:${slice}` });
  await vi.waitFor(
    async () => {
      await page.goto(`${app}/admin/alerts?show=open&group=failures&subject=slice:${slice}`);
      expect(await alert.count()).toBe(1);
    },
    { timeout: 60_000, interval: 500 },
  );
  expect(await does(page, "Acknowledge")).toContain(`You are at slice.failed of slice:${slice}.`);
  await alert.getByText("acknowledged", { exact: true }).waitFor();
  expect(await does(page, "Take it back")).toBe(`Admins are told of slice.failed of slice:${slice} again.`);

  const window = page.locator("form#window");
  await window.getByLabel("Begins (UTC)").fill(inMinutes(60));
  await window.getByLabel("Subject").fill("server:local");
  await window.getByLabel("Why").fill("new disks");
  expect(await does(page, "Plan it")).toMatch(/^From .*: nobody is told of .*server:local/);
  await page.locator(".lines li", { hasText: "new disks" }).getByText("planned", { exact: true }).waitFor();
  expect(await does(page, "End it")).toContain("server:local again");
  await page.getByText("Nothing is silenced, and no window is planned.").waitFor();
});

test("what one page orders is seen on another that is open", async () => {
  const { page } = op;
  await page.goto(`${app}/admin/slices?sort=number`);
  const tile = page.locator(`[data-live=slice-${slice}]`);
  await tile.getByText("failed, stays down").waitFor();
  await page.locator("[data-live-stream]").getByText("Live", { exact: true }).waitFor();
  const kept = await markLoaded(page);
  await openSlice(other);
  expect(await does(other, "Resume")).toContain("resume is ordered");
  await tile.getByText("no phone linked yet").waitFor({ timeout: 60_000 });
  expect(await kept()).toBe(true);
});

test("a log shows what its slice writes while one looks", async () => {
  const { page } = op;
  await openSlice(page);
  await page.getByRole("button", { name: "Show its log" }).click();
  const lines = page.locator(".log li");
  await lines.first().waitFor({ timeout: 30_000 });
  await page.locator("[data-live-stream]").getByText("Live", { exact: true }).waitFor();
  const kept = await markLoaded(page);
  const ordered = new Date().toISOString();
  await openSlice(other);
  expect(await does(other, "Restart")).toContain("restart is ordered");
  await page.waitForFunction(
    (since) =>
      [...document.querySelectorAll<HTMLTimeElement>(".log li:not(.relay) time")].some(
        ({ dateTime }) => dateTime > since,
      ),
    ordered,
    { timeout: 60_000 },
  );
  expect(await kept()).toBe(true);
  await op.picture("log");
});

test("an update is refused in words, or aborted, while its page follows it", async () => {
  const { page } = op;
  await page.goto(`${app}/admin/updates`);
  await page.getByRole("link", { name: "Start a fleet update…" }).click();
  await page.waitForURL(/start-update/);
  await passAgain(page, authenticator);
  await page.getByLabel(/^Image, as/).fill("whatsapp-slice:not-there");
  expect(await does(page, "Check it, then update everybody")).toMatch(
    /checks whatsapp-slice:not-there first/,
  );
  await page.getByText("REFUSED, nothing was begun", { exact: true }).waitFor({ timeout: 60_000 });
  expect(await page.locator(".problem").textContent()).toContain("whatsapp-slice:not-there");
  await op.picture("refused");

  await openSlice(page);
  const image = (await figure(page, "Image").textContent()) ?? "";
  await page.getByRole("link", { name: "New image…" }).click();
  await page.waitForURL(/image/);
  await passAgain(page, authenticator);
  await page.getByLabel(/^Image, as/).fill(image);
  expect(await does(page, "Check it, then update this slice")).toContain(`checks ${image} first`);
  await page.getByText("the image is being checked by server local", { exact: true }).waitFor();
  const kept = await markLoaded(page);
  await other.goto(page.url());
  expect(await does(other, "Abort")).toContain("is aborted");
  await page.getByText("aborted", { exact: true }).waitFor();
  expect(await kept()).toBe(true);
});

test("without JavaScript the panels take their orders too", async () => {
  const context = await withoutScript(op);
  const page = await context.newPage();
  await openUser(page, customer.email);
  expect(await does(page, "Extend")).toMatch(/ has 7 days more\.$/);
  await page.goto(`${app}/admin/alerts`);
  await page.locator("form#window").getByLabel("Why").fill("a window");
  expect(await does(page, "Plan it")).toContain("nobody is told of any alert");
  expect(await does(page, "End it")).toContain("again");
  await openSlice(page);
  await page.getByRole("button", { name: "Show its log" }).click();
  await page.getByRole("link", { name: "Show more" }).waitFor();
  await page.goto(`${app}/admin/start-update`);
  await passAgain(page, authenticator);
  await page.getByLabel(/^Image, as/).fill("no image");
  await page.getByRole("button", { name: "Check it, then update everybody" }).click();
  await page.getByText(/^That is not the name of an image/).waitFor();
  await context.close();
});

test("figures are those of elsewhere, and what is measured is drawn", async () => {
  const { page } = op;
  await page.goto(`${app}/admin/users`);
  const onTrial = /\d+/.exec((await page.locator("option[value=trial]").textContent()) ?? "")?.[0] ?? "";
  expect(Number(onTrial)).toBeGreaterThan(0);
  await page.goto(`${app}/admin/revenue`);
  expect(await figure(page, "On trial").first().textContent()).toBe(onTrial);

  // Samples are written down once a minute.
  const figures = page.locator("[data-figures=memory] tbody td");
  await vi.waitFor(
    async () => {
      await page.goto(`${app}/admin/telemetry`);
      expect(await figures.first().textContent()).toMatch(/^[\d.]+ [MG]B$/);
    },
    { timeout: 120_000, interval: 1000 },
  );
  expect(await page.locator("[data-plot=memory] canvas").evaluate(drawnIn, "--plot-1")).toBeGreaterThan(0);
  expect(op.errors).toEqual([]);
});

/** Runs in the page: how many pixels of a picture have a colour of the page. */
function drawnIn(canvas: Element, token: string): number {
  const colour = getComputedStyle(canvas).getPropertyValue(token).trim().slice(1);
  const { width, height } = canvas as HTMLCanvasElement;
  const data = (canvas as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
  let drawn = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red = 0, green = 0, blue = 0] = data.slice(at, at + 3);
    if (((red << 16) | (green << 8) | blue) === Number.parseInt(colour, 16)) drawn++;
  }
  return drawn;
}

test("an account is terminated by whoever types its address", async () => {
  const { page } = op;
  await openUser(page, customer.email);
  await page.getByRole("link", { name: "Terminate…" }).click();
  await page.waitForURL(/terminate/);
  await passAgain(page, authenticator);
  await page.getByRole("textbox", { name: "Address" }).fill(op.email);
  await page.getByRole("button", { name: "Terminate", exact: true }).click();
  await page.getByText(/^The address does not match/).waitFor();
  await page.getByRole("link", { name: "Go back" }).click();
  await page.getByRole("textbox", { name: "Address" }).fill(customer.email);
  expect(await does(page, "Terminate")).toContain("is signed out and stopped");
  await customer.page.waitForURL(`${app}/login**`);
  await openSlice(page);
  await page.locator("[data-live=state]", { hasText: "destroyed" }).waitFor({ timeout: 60_000 });
  expect(customer.errors).toEqual([]);
});
