import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answers, hidden, hiddenActs, look, type Walk, walk } from "./operator";
import { app, desktop, launch, Person, phone } from "./person";
import {
  type Authenticator,
  does,
  inMinutes,
  newAdmin,
  newCustomer,
  passAgain,
  setUp,
  sliceOf,
  withoutScript,
} from "./seat";

let browser: Browser;
let op: Person;
let authenticator: Authenticator;
/** What the desktop's walk has found; the last test asks for all of it. */
let found: Walk;
let customer: Person;
let paused: Person;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

test("an account becomes an admin, sets up the second factor, and has nothing before", async () => {
  const { person, setUpCode } = await newAdmin(browser);
  op = person;
  const { page } = op;
  for (const path of ["/admin", "/admin/slices", "/admin/jobs/", "/admin/users"]) {
    expect(await answers(op.context, path), path).toBe("303 /admin/second-factor");
  }
  expect(await answers(op.context, "/admin/jobs/api/jobs")).toBe("403");
  await page.goto(`${app}/admin`);
  await page.getByRole("heading", { name: "Set up the second factor" }).waitFor();
  expect(await page.getByRole("navigation").count()).toBe(0);
  await page.getByLabel("Set-up code").fill("WRONG-CODE");
  await page.getByRole("button", { name: "Begin" }).click();
  await page.getByText(/^That code is not right/).waitFor();
  authenticator = await setUp(page, setUpCode);
  expect(await page.locator(".codes code").count()).toBe(10);
  await page.getByRole("link", { name: "I have them, go on" }).click();
  await page.getByRole("heading", { level: 1, name: "Servers" }).waitFor();
});

test("every page can be read on a desk and on a phone", async () => {
  const { page } = op;
  customer = await newCustomer(browser, "cara");
  paused = await newCustomer(browser, "paul");
  found = await walk(page, desktop.width);
  const small = await walk(page, phone.width);
  expect([...found.problems, ...small.problems]).toEqual([]);
  for (const path of [
    "/admin/slices",
    "/admin/alerts",
    "/admin/users",
    "/admin/announcements",
    "/admin/announcements/maintenance",
  ]) {
    expect(found.pages).toContain(path);
  }
  await page.setViewportSize(desktop);

  // River UI draws itself by scripts of its own.
  const refused: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) refused.push(message.text());
  });
  await page.goto(`${app}/admin/jobs/jobs?state=completed`);
  await page
    .getByText(/^(check|sample)_[a-z]+$/)
    .first()
    .waitFor();
  await op.picture("jobs");
  expect(refused).toEqual([]);
});

test("servers and slices take their orders", async () => {
  const { page } = op;
  await page.goto(`${app}/admin`);
  expect(await does(page, "Pause reclaim")).toContain("paused");
  expect(await does(page, "Resume reclaim")).toContain("on again");

  const slice = await sliceOf(customer);
  await page.goto(`${app}/admin/slices?sort=number`);
  await page.locator(".tiles a", { hasText: customer.email }).click();
  await page.getByRole("heading", { name: `Slice ${slice}` }).waitFor();
  expect(await does(page, "Exempt from reclaim")).toMatch(/^Slice \d+: /);
  expect(await does(page, "Reclaim its memory again")).toMatch(/^Slice \d+: /);
  expect(await does(page, "Suspend")).toContain("suspend is ordered");
  await customer.page.goto(app);
  await customer.page.getByRole("heading", { name: "Your workspace is paused" }).waitFor();
  expect(await does(page, "Resume")).toContain("resume is ordered");
  expect(await does(page, "Restart")).toContain("restart is ordered");
  for (const act of ["suspend", "resume", "recycle"]) {
    await page.getByText(`admin.slice.${act}`, { exact: true }).first().waitFor();
  }
  // Somebody stays suspended for the tests after this.
  await page.goto(`${app}/admin/slices/${await sliceOf(paused)}`);
  await does(page, "Suspend");
});

test("alerts are silenced, and people signed out", async () => {
  const { page } = op;
  await page.goto(`${app}/admin/alerts`);
  const form = page.locator("form#silence");
  await form.getByLabel("Kind").fill("server.cpu");
  await form.getByLabel("For").fill("a while");
  await form.getByLabel("Why").fill("kernel update");
  await form.getByRole("button", { name: "Silence" }).click();
  await page.getByText(/^Say for how long/).waitFor();
  await page.getByRole("link", { name: "Go back" }).click();
  await form.getByLabel("Kind").fill("server.cpu");
  await form.getByLabel("For").fill("2h");
  await form.getByLabel("Why").fill("kernel update");
  expect(await does(page, "Silence")).toContain("Nobody is told of alerts server.cpu");
  expect(await does(page, "End it")).toContain("told of alerts server.cpu again");

  const guest = await newCustomer(browser, "gus");
  await page.goto(`${app}/admin/users`);
  await page.locator("input[name=q]").fill(guest.email);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: guest.email }).click();
  expect(await does(page, "Sign out everywhere")).toContain("signed out everywhere");
  await guest.page.waitForURL(`${app}/login**`);
  expect((await guest.ask("/auth/me")).status).toBe(401);
  await guest.context.close();
});

test("what is announced is on open pages, and gone when it is withdrawn", async () => {
  const { page } = op;
  await customer.page.goto(app);
  await customer.page
    .getByText(/I have my phone: show the code|^Code \d of 6$/)
    .first()
    .waitFor({ timeout: 60_000 });
  const words = `New things: https://status.example.com/${Date.now()} <b>soon</b>`;
  await page.goto(`${app}/admin/announcements`);
  await page.getByLabel("Level").selectOption("warning");
  await page.getByLabel("Words").fill(words);
  await page.getByRole("button", { name: "Preview" }).click();
  expect(await page.locator("#preview .announced").innerText()).toBe(`Warning: ${words}`);
  expect(await does(page, "Announce")).toContain("It is announced from");
  const banner = customer.page.locator(".banner", { hasText: "Warning:" });
  await banner.waitFor({ timeout: 60_000 });
  expect(await banner.locator("p").innerText()).toBe(`Warning: ${words}`);
  expect(await banner.getByRole("link").getAttribute("href")).toMatch(
    /^https:\/\/status\.example\.com\/\d+$/,
  );
  for (const [name, size] of [
    ["phone", phone],
    ["desk", desktop],
  ] as const) {
    await customer.page.setViewportSize(size);
    await customer.picture(`announced-${name}`);
  }
  const line = page.locator(".lines li", { hasText: words });
  await line.getByLabel("To, in UTC").fill(inMinutes(120));
  expect(await does(page, "Change its end")).toContain("It ends ");
  expect(await does(page, "Withdraw")).toContain("withdrawn");
  await banner.waitFor({ state: "detached", timeout: 60_000 });
});

test("maintenance closes everything to users for as long as it lasts, and the app comes back by itself", async () => {
  const { page } = op;
  await page.goto(`${app}/admin/announcements`);
  await page.getByRole("link", { name: "Switch it on…" }).click();
  await page.waitForURL(/maintenance/);
  await passAgain(page, authenticator);
  await page.getByLabel(/^Until about/).fill(inMinutes(30));
  await page.getByLabel(/^What users read/).fill("We are moving to faster disks.");
  expect(await does(page, "Switch maintenance on")).toContain("Maintenance is on");
  const there = customer.page.getByRole("heading", { name: "We are doing maintenance" });
  await there.waitFor();
  await customer.page.getByText("We are moving to faster disks.").waitFor();
  await customer.page.getByText(/^It will be over by about /).waitFor();
  for (const scheme of ["light", "dark"] as const) {
    await customer.page.emulateMedia({ colorScheme: scheme });
    for (const [name, size] of [
      ["phone", phone],
      ["desk", desktop],
    ] as const) {
      await customer.page.setViewportSize(size);
      await customer.picture(`maintenance-${name}-${scheme}`);
    }
  }
  for (const path of ["/api/status", "/api/events", "/billing/status"]) {
    const { status, body } = await customer.ask(path);
    expect({ path, status, kind: (body as { kind: string }).kind }).toEqual({
      path,
      status: 503,
      kind: "maintenance",
    });
  }
  const late = await Person.arrive(browser, "late", phone);
  await late.page.goto(`${app}/register`);
  await late.register();
  await late.page.getByText(/We are moving to faster disks\./).waitFor();
  await late.context.close();

  await page.goto(`${app}/admin/slices`);
  await page.getByText("Maintenance is on").waitFor();
  await op.picture("maintenance-on");
  await page.getByRole("link", { name: "Change or end it" }).click();
  await page.getByLabel(/^What users read/).fill("It takes a little longer.");
  expect(await does(page, "Change what it says")).toContain("Users read that");
  expect(await does(page, "End maintenance")).toContain("Maintenance is over");
  await there.waitFor({ state: "detached", timeout: 60_000 });
  await customer.page.getByRole("button", { name: "Account", exact: true }).waitFor();
  expect(customer.errors).toEqual([]);
});

test("the acts are forms, which work without JavaScript", async () => {
  const context = await withoutScript(op);
  const page = await context.newPage();
  await page.goto(`${app}/admin`);
  expect(await does(page, "Pause reclaim")).toContain("paused");
  expect(await does(page, "Resume reclaim")).toContain("on again");
  await page.getByRole("link", { name: "Alerts" }).click();
  await page.locator("form#silence").getByLabel("Why").fill("a window");
  expect(await does(page, "Silence")).toContain("Nobody is told of any alert");
  expect(await does(page, "End it")).toContain("again");
  await page.getByRole("link", { name: "Announcements" }).click();
  await page.getByLabel("Words").fill("Good morning");
  await page.getByRole("button", { name: "Preview" }).click();
  expect(await page.locator("#preview .announced").innerText()).toBe("Information: Good morning");
  expect(await does(page, "Announce")).toContain("It is announced");
  expect(await does(page, "Withdraw")).toContain("withdrawn");
  await page.goto(`${app}/admin/slices/${await sliceOf(customer)}`);
  expect(await does(page, "Exempt from reclaim")).toMatch(/^Slice \d+: /);
  expect(await does(page, "Reclaim its memory again")).toMatch(/^Slice \d+: /);
  await context.close();
});

test("whoever leaves is asked for a code again, and before what cannot be undone", async () => {
  const { page } = op;
  const own = await sliceOf(op);
  await page.goto(`${app}/admin/slices/${own}`);
  await page.getByRole("button", { name: "Leave", exact: true }).click();
  await page.getByRole("heading", { name: "Second factor" }).waitFor();
  expect(await answers(op.context, `/admin/slices/${own}/destroy`)).toBe("303 /admin/second-factor");
  await page.goto(`${app}/admin/slices/${own}/destroy`);
  await page.getByRole("textbox", { name: "Code" }).fill("000000");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText(/^That code is not right/).waitFor();
  await page.getByRole("textbox", { name: "Code" }).fill(await authenticator.code());
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("heading", { name: `Destroy slice ${own}` }).waitFor();
  await page.getByLabel(`Type its number, ${own}`).fill(String(own + 1));
  await page.getByRole("button", { name: "Destroy it" }).click();
  await page.getByText(/^The number does not match/).waitFor();
  await page.getByRole("link", { name: "Go back" }).click();
  await page.getByLabel(`Type its number, ${own}`).fill(String(own));
  expect(await does(page, "Destroy it")).toContain("being destroyed");
  expect(op.errors).toEqual([]);
});

test("nobody else finds anything below /admin", async () => {
  const stranger = await browser.newContext();
  // The operator's own browser without the second factor: another login, and a copy of a cookie that is signed out.
  const again = await op.elsewhere();
  await again.page.goto(`${app}/login`);
  await again.logIn();
  await again.page.getByRole("button", { name: "Account", exact: true }).waitFor();
  const copied = await browser.newContext({ storageState: await op.context.storageState() });
  expect(await answers(copied, "/admin/slices")).toBe("200");
  expect((await op.ask("/auth/logout", { method: "POST" })).status).toBe(204);

  const paths = [...new Set([...found.pages, ...hidden])];
  const acts = [...new Set([...found.acts, ...hiddenActs])];
  const visitors = { stranger, customer: customer.context, paused: paused.context, "signed out": copied };
  for (const [visitor, context] of Object.entries(visitors)) {
    for (const path of paths) expect(await answers(context, path), `${visitor} at ${path}`).toBe("404");
    for (const path of acts)
      expect(await answers(context, path, "POST"), `${visitor} posts ${path}`).toBe("404");
  }
  const asked = /^(303 \/admin\/second-factor|403)$/;
  for (const path of paths) {
    // An address that is not there is nothing to them either.
    const wanted =
      path === "/admin/no/such/address" || path === "/admin/live/servers"
        ? /^404$|^303 \/admin\/second-factor$/
        : asked;
    if (path === "/admin/jobs") continue; // leads to the one with a slash, which is asked too
    expect(await answers(again.context, path), `without second factor at ${path}`).toMatch(wanted);
  }
  for (const path of acts) {
    expect(await answers(again.context, path, "POST"), `without second factor posts ${path}`).toMatch(asked);
  }
  await again.page.goto(`${app}/admin/slices`);
  await again.page.getByRole("heading", { name: "Second factor" }).waitFor();
  expect(await again.page.content()).not.toContain(customer.email);
  expect((await look(again.page, "/admin/second-factor", phone.width)).links).toEqual([]);
});
