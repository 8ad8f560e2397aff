import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crashForTheLastTime } from "./crash";
import { linkTo } from "./mail";
import { app, desktop, launch, Person, phone } from "./person";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

test("an address is confirmed by its link, on a phone where nobody is logged in, and choices are kept", async () => {
  const fay = await Person.arrive(browser, "fay", desktop);
  const { page } = fay;
  await page.goto(`${app}/register`);
  await fay.register();
  const banner = page.getByText("Confirm your e-mail address:");
  await banner.waitFor();

  const elsewhere = await fay.elsewhere(phone);
  await elsewhere.page.goto(await linkTo("verify-email", fay.email));
  await elsewhere.page.getByRole("heading", { name: "Your e-mail address is confirmed" }).waitFor();
  expect(elsewhere.page.url()).toBe(`${app}/verify-email`);
  await elsewhere.page.getByRole("link", { name: "Log in" }).waitFor();
  await elsewhere.picture("verified");

  await page.goto(`${app}/notifications`);
  await page.getByText(`${fay.email} is confirmed.`).waitFor();
  await page.getByRole("checkbox", { name: "WhatsApp" }).uncheck();
  await page.getByText("Saved", { exact: true }).waitFor();
  await fay.picture("notifications");
  await page.reload();
  await page.getByRole("heading", { name: "Notifications" }).waitFor();
  expect(await page.getByRole("checkbox", { name: "WhatsApp" }).isChecked()).toBe(false);
  expect(await page.getByRole("checkbox", { name: "E-mail" }).isChecked()).toBe(true);
  await page.goto(app);
  await page.getByRole("button", { name: "Account", exact: true }).waitFor();
  expect(await banner.count()).toBe(0);
  for (const person of [fay, elsewhere]) {
    expect(person.errors).toEqual([]);
    await person.context.close();
  }
});

test("a forgotten password is replaced by the link in a mail, which logs out who was in with the old one", async () => {
  const hal = await Person.arrive(browser, "hal", desktop);
  await hal.page.goto(`${app}/register`);
  await hal.register();
  await hal.page.getByRole("button", { name: "Account", exact: true }).waitFor();
  expect((await hal.ask("/auth/me")).status).toBe(200);

  const elsewhere = await hal.elsewhere(phone);
  const { page } = elsewhere;
  await page.goto(`${app}/login`);
  await page.getByLabel("E-mail").fill(hal.email);
  await page.getByRole("link", { name: "Forgot password?" }).click();
  await page.waitForURL(`${app}/forgot-password`);
  expect(await page.getByLabel("E-mail").inputValue()).toBe(hal.email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await page
    .getByText("If there is an account with this address, a mail with a link is on its way.")
    .waitFor();
  await elsewhere.picture("forgot");

  const link = await linkTo("reset-password", hal.email);
  await page.goto(link);
  const chosen = "battery staple of hal";
  await page.getByLabel("New password").fill(chosen);
  expect(page.url()).toBe(`${app}/reset-password`);
  await elsewhere.picture("reset");
  await page.getByRole("button", { name: "Save the new password" }).click();
  await page.getByRole("heading", { name: "Your password is changed" }).waitFor();

  expect((await hal.ask("/auth/me")).status).toBe(401);
  await hal.page.reload();
  await hal.page.waitForURL(`${app}/login**`);

  await page.getByRole("link", { name: "Log in" }).click();
  await page.waitForURL(`${app}/login`);
  await elsewhere.logIn();
  await page.getByRole("alert").waitFor();
  expect((await elsewhere.ask("/auth/me")).status).toBe(401);
  await elsewhere.logIn(chosen);
  await page.getByRole("button", { name: "Account", exact: true }).waitFor();
  expect((await elsewhere.ask("/auth/me")).status).toBe(200);

  // The link has done its work.
  const again = await hal.elsewhere(phone);
  await again.page.goto(link);
  await again.page.getByLabel("New password").fill("another one of hal");
  await again.page.getByRole("button", { name: "Save the new password" }).click();
  await again.page.getByRole("heading", { name: "This link does not work any more" }).waitFor();
  await again.picture("reset-used");
  for (const person of [hal, elsewhere, again]) {
    expect(person.errors).toEqual([]);
    await person.context.close();
  }
});

test("the address in a mail about a lost connection leads through the login to the code", async () => {
  const gus = await Person.arrive(browser, "gus", desktop);
  await gus.page.goto(`${app}/register`);
  await gus.register();
  await gus.link();
  expect((await gus.ask("/api/simulated/logout", { method: "POST" })).status).toBe(200);
  // Codes wait for somebody who scans them.
  expect((await gus.ask("/api/connection/restart", { method: "POST" })).status).toBe(202);

  const elsewhere = await gus.elsewhere(phone);
  const { page } = elsewhere;
  await page.goto(`${app}/reconnect`);
  await page.waitForURL(`${app}/login?next=%2Freconnect`);
  await page.getByText("Log in to connect your WhatsApp again.").waitFor();
  await elsewhere.picture("reconnect-login");
  await elsewhere.logIn();
  await page.getByRole("heading", { name: "Scan this code with your phone" }).waitFor({ timeout: 60_000 });
  expect(page.url()).toBe(`${app}/reconnect`);
  await page.getByText(/^Code \d of 6$/).waitFor();
  await elsewhere.picture("reconnect-scan");
  await page.getByRole("button", { name: "Scan with the simulated phone" }).click();
  await page.getByRole("heading", { name: "WhatsApp is connected again" }).waitFor({ timeout: 60_000 });
  await elsewhere.picture("reconnected");
  // Whoever follows the mail later has nothing left to do.
  await page.goto(`${app}/reconnect`);
  await page.getByText("There is nothing left to do: new messages come in.").waitFor();
  for (const person of [gus, elsewhere]) {
    expect(person.errors).toEqual([]);
    await person.context.close();
  }
});

test("a workspace that failed is started again by its own user, with its phone still linked", async () => {
  const ida = await Person.arrive(browser, "ida", phone);
  const { page } = ida;
  await page.goto(`${app}/register`);
  await ida.register();
  await ida.link();
  const { slice } = (await ida.ask("/auth/me")).body as { slice: { id: number } };
  await crashForTheLastTime(slice.id);
  // The open inbox finds out by itself.
  const start = page.getByRole("button", { name: "Start it again" });
  await start.waitFor({ timeout: 120_000 });
  await ida.picture("failed");
  await start.click();
  const chats = page.getByRole("list", { name: "All chats" }).getByRole("link");
  await chats.first().waitFor({ timeout: 120_000 });
  await ida.picture("started-again");
  expect((await ida.ask("/auth/slice/restart", { method: "POST" })).status).toBe(429);
  expect(ida.errors).toEqual([]);
  await ida.context.close();
});
