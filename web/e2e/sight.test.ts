import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChatList } from "../../slice/src/api";
import { app, launch, Person, phone } from "./person";
import { type Authenticator, does, openUser, passAgain, takeSeat, withoutScript } from "./seat";

let browser: Browser;
let op: Person;
let authenticator: Authenticator;
let ula: Person;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const refused = (words: string) => ({
  status: 403,
  body: { error: `You are looking at someone else's account: ${words}` },
});

test("support sees the app as a user does, and changes nothing", async () => {
  ula = await Person.arrive(browser, "ula", phone);
  await ula.page.goto(`${app}/register`);
  await ula.register();
  await ula.link();
  ({ op, authenticator } = await takeSeat(browser));
  const { page } = op;
  await openUser(page, ula.email);
  await page.getByRole("link", { name: "See the app as this user…" }).click();
  await page.waitForURL(/see/);
  await passAgain(page, authenticator);
  const why = page.getByLabel(/^Why, in a sentence/);
  await why.fill("because");
  await page.getByRole("button", { name: "See the app as this user" }).click();
  await page.getByText(/^Say why, in a sentence/).waitFor();
  await page.getByRole("link", { name: "Go back" }).click();
  await why.fill("Their newest messages are said to be missing");
  await page.getByRole("button", { name: "See the app as this user" }).click();

  const banner = page.getByRole("region", { name: "Seen by support" });
  await banner.getByText("Nothing can be changed.").waitFor();
  expect(await banner.textContent()).toContain(ula.email);
  // At once, although the app has just asked for the operator's own workspace.
  expect(((await op.ask("/api/chats")).body as ChatList).chats.length).toBeGreaterThan(0);
  await page.getByRole("list", { name: "All chats" }).getByRole("link").first().click();
  await page.getByText("You are looking: nothing can be sent.").waitFor();
  await op.picture("sees");
  const message = { to: "+15550109999", text: "Not from her" };
  expect(await op.ask("/api/messages", { method: "POST", body: message })).toEqual(
    refused("nothing can be changed."),
  );
  expect(await op.ask("/api/export")).toEqual(refused("no copy of it can be taken."));
});

test("support does more when the user allows it, and leaves", async () => {
  await ula.page.goto(`${app}/notifications`);
  const card = ula.page.getByRole("region", { name: "Help from support" });
  const looks = card.getByRole("list", { name: "When support looked" }).getByRole("listitem");
  await looks.first().waitFor();
  expect(await looks.count()).toBe(1);
  await card.getByRole("button", { name: "Allow more for 24 hours" }).click();
  await card.getByText("Support may act for you").waitFor();
  await ula.picture("allows");

  const { page } = op;
  await page.reload();
  const banner = page.getByRole("region", { name: "Seen by support" });
  await banner.getByText("They have allowed more than looking").waitFor();
  const sent = `We have found them ${Date.now()}`;
  await page.getByLabel(/^Message to /).fill(sent);
  await page.keyboard.press("Enter");
  await ula.page.goto(app);
  await ula.page.getByText(sent).first().waitFor();

  await banner.getByRole("button", { name: "Leave" }).click();
  await page.getByText(`You have left the account of ${ula.email}.`).waitFor();
  await page.goto(app);
  await page.getByRole("button", { name: "Account", exact: true }).waitFor();
  expect(await banner.count()).toBe(0);
  expect((await op.ask("/auth/me")).body).toMatchObject({ user: { email: op.email } });
});

test("without JavaScript an account is opened and left too", async () => {
  const context = await withoutScript(op);
  const page = await context.newPage();
  await openUser(page, ula.email);
  await page.getByRole("link", { name: "See the app as this user…" }).click();
  await page.waitForURL(/see/);
  await passAgain(page, authenticator);
  await page.getByLabel(/^Why, in a sentence/).fill("To see that it can be left again");
  await page.getByRole("button", { name: "See the app as this user" }).click();
  await page.waitForURL(`${app}/`);
  await page.goto(`${app}/admin`);
  await page.getByText(`You see the app as ${ula.email} until`).waitFor();
  expect(await does(page, "Leave their account")).toBe(`You have left the account of ${ula.email}.`);
  await context.close();
  for (const person of [op, ula]) expect(person.errors).toEqual([]);
});
