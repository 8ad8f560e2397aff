import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mailAbout } from "./mail";
import { look } from "./operator";
import { desktop, launch, Person, phone, required } from "./person";
import { figure, openUser, takeSeat } from "./seat";

// A system of its own, where payment comes first, at a stand-in of Stripe: no money moves.
const app = required("BILLING_APP_URL");
const site = required("BILLING_SITE_URL");

/** Where Checkout is; without it, any page that is not the app's. */
const stripe = process.env.STAND_IN_STRIPE;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** From the page that asks for the payment to Stripe's. */
async function toCheckout(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Continue to payment" }).click();
  await page.waitForURL(({ href }) => (stripe ? href.startsWith(stripe) : !href.startsWith(app)));
  await page.getByText("This is a stand-in for Stripe.").waitFor();
}

async function standing(person: Person): Promise<{ status: unknown; slice: unknown }> {
  const { body } = await person.ask("/auth/me");
  const { user, slice } = body as { user: { subscriptionStatus: string }; slice: object | null };
  return { status: user.subscriptionStatus, slice };
}

test("from the landing page through Checkout to the code, and a cancellation that is taken back", async () => {
  const joy = await Person.arrive(browser, "joy", desktop);
  const { page } = joy;
  await page.goto(site);
  await page.getByRole("main").getByRole("link", { name: "Get started" }).first().click();
  await page.getByRole("heading", { name: "Pay for the first month" }).waitFor();
  await joy.picture("signup");
  await page.getByRole("link", { name: "Create your account" }).click();
  await page.waitForURL(`${app}/register`);
  await joy.register();

  await page.getByRole("heading", { name: "One more step to your workspace" }).waitFor();
  await page.getByText("$4.50").waitFor();
  expect(await standing(joy)).toEqual({ status: "unpaid", slice: null });
  await joy.picture("pay-first");
  await toCheckout(page);
  await joy.picture("checkout");
  await page.getByRole("button", { name: "Pay", exact: true }).click();

  // Stripe's page is of another site, from which no cookie comes along with the first request.
  await page.waitForURL(`${app}/connect`);
  await joy.link();
  expect((await standing(joy)).status).toBe("active");

  await page.getByRole("button", { name: "Account", exact: true }).click();
  await page.getByRole("link", { name: "Billing" }).click();
  await page.getByText("Active", { exact: true }).waitFor();
  await page.getByText(/^The next payment of \$4\.50 is taken on /).waitFor();
  await page.getByRole("table", { name: "Invoices" }).getByRole("cell", { name: "Paid" }).waitFor();
  await joy.picture("billing");

  await page.getByRole("button", { name: "Cancel the subscription", exact: true }).click();
  await page.getByText(/^Everything works until .* as that is paid for\./).waitFor();
  await page.getByRole("link", { name: "Take a copy of everything first" }).waitFor();
  await joy.picture("cancel");
  await page.getByRole("button", { name: "Cancel the subscription now" }).click();
  await page.getByText("Your subscription is cancelled", { exact: true }).waitFor();
  await joy.picture("cancelled");
  const mail = await mailAbout("Your subscription is cancelled", joy.email);
  expect(mail.text).toContain(`${app}/billing`);

  // Everything works on, and says on each page when it ends.
  await page.goto(app);
  await page.getByRole("list", { name: "All chats" }).getByRole("link").first().waitFor();
  await page.getByText(/^Your subscription ends on /).waitFor();
  await page.getByRole("link", { name: "Take that back" }).click();
  await page.getByRole("button", { name: "Reactivate" }).click();
  await page.getByText("Active", { exact: true }).waitFor();
  await joy.picture("reactivated");
  await page.goto(app);
  await page.getByRole("list", { name: "All chats" }).getByRole("link").first().waitFor();
  expect(await page.getByText(/^Your subscription ends on /).count()).toBe(0);

  const { op } = await takeSeat(browser);
  await openUser(op.page, joy.email);
  expect(await figure(op.page, "A month costs").textContent()).toMatch(/^4\.50 USD /);
  await op.page.goto(`${app}/admin/revenue`);
  expect(await figure(op.page, "Comes in a month (MRR)").first().textContent()).toMatch(
    /^[1-9]\d*\.\d0 USD$/,
  );
  expect(Number(await figure(op.page, "Paying accounts").first().textContent())).toBeGreaterThan(0);
  for (const width of [phone.width, desktop.width]) {
    expect((await look(op.page, "/admin/revenue", width)).problems).toEqual([]);
  }
  await op.context.close();
  expect(joy.errors).toEqual([]);
  await joy.context.close();
});

test("whoever comes back from Checkout without having paid has no workspace, and can go there again", async () => {
  const kim = await Person.arrive(browser, "kim", phone);
  const { page } = kim;
  await page.goto(`${app}/register`);
  await kim.register();
  await toCheckout(page);
  await page.getByRole("button", { name: "Card is declined" }).click();
  await page.getByText("Nothing was paid.").waitFor();
  await page.getByRole("link", { name: "Go back" }).click();
  await page.waitForURL(`${app}/billing`);
  await page.getByRole("heading", { name: "One more step to your workspace" }).waitFor();
  expect(await standing(kim)).toEqual({ status: "unpaid", slice: null });
  await page.goto(`${app}/connect`);
  await page.getByRole("heading", { name: "One more step to your workspace" }).waitFor();
  await kim.picture("not-paid");
  await toCheckout(page);
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.waitForURL(`${app}/connect`);
  await page.getByText("I have my phone: show the code").waitFor({ timeout: 120_000 });
  expect(kim.errors).toEqual([]);
  await kim.context.close();
});

test("a copy of everything is made while one watches, and downloaded", async () => {
  const lee = await Person.arrive(browser, "lee", desktop);
  const { page } = lee;
  await page.goto(`${app}/register`);
  await lee.register();
  await toCheckout(page);
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.waitForURL(`${app}/connect`);
  await lee.link();
  await page.goto(`${app}/billing`);
  await page.getByRole("button", { name: "Make a copy" }).click();
  const link = page.getByRole("link", { name: /^Download, / });
  await link.waitFor({ timeout: 120_000 });
  await lee.picture("copy");
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  expect(download.suggestedFilename()).toMatch(/\.zip$/);
  expect(await download.failure()).toBeNull();
  await mailAbout("Your copy is ready", lee.email);
  expect(lee.errors).toEqual([]);
  await lee.context.close();
});
