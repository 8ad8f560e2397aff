import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { imageOf, removeImage, sql } from "./crash";
import { app, launch, type Person } from "./person";
import {
  type Authenticator,
  does,
  figure,
  newCustomer,
  openUser,
  passAgain,
  sliceOf,
  takeSeat,
} from "./seat";

let browser: Browser;
let op: Person;
let authenticator: Authenticator;
let customer: Person;
let slice: number;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const openSlice = () => op.page.goto(`${app}/admin/slices/${slice}`);

test("an account is sent its mails again, released, and made an admin for a while", async () => {
  customer = await newCustomer(browser, "rex");
  slice = await sliceOf(customer);
  ({ op, authenticator } = await takeSeat(browser));
  const { page } = op;
  await openUser(page, customer.email);
  const number = (await figure(page, "Number").textContent()) ?? "";
  const aMinuteLater = () =>
    sql(`UPDATE gateway.emails SET created_at = created_at - interval '2 minutes' WHERE user_id = ${number}`);
  await aMinuteLater();
  expect(await does(page, "Send the verification mail")).toContain("is on its way");
  await page.locator("section", { hasText: "Mails" }).getByText("sent", { exact: true }).first().waitFor();
  await aMinuteLater();
  expect(await does(page, "Send again")).toContain("is on its way again");

  await sql(
    `INSERT INTO gateway.disputes (id, user_id, kind, status, open, opened_at) VALUES ('dp_${number}', ${number}, 'dispute', 'needs_response', true, now())`,
  );
  await sql(`UPDATE gateway.users SET held_at = now() WHERE id = ${number}`);
  await page.reload();
  expect(await does(page, "Release the hold")).toContain("is released");

  await page.getByRole("button", { name: "Make admin" }).click();
  await passAgain(page, authenticator);
  await page.locator("code.secret").waitFor();
  await page.getByRole("link", { name: "I have it, go on" }).click();
  expect(await does(page, "No admin any more")).toContain(customer.email);
  // Those of the set-up were made less than a minute ago, and would not be made anew.
  await sql("UPDATE gateway.recovery_codes SET made_at = made_at - interval '2 minutes'");
  await page.goto(`${app}/admin/recovery-codes`);
  await page.getByRole("button", { name: "Make new codes" }).click();
  await passAgain(page, authenticator);
  await page.getByRole("link", { name: "I have them, go on" }).waitFor();
  expect(await page.locator(".codes li").count()).toBe(10);
});

test("whoever waits is put first, or taken off the list", async () => {
  const { page } = op;
  // They pay first, and no place is kept for them: nobody gives them a slice meanwhile.
  const waits = async (name: string) => {
    const email = `${name}-${Date.now()}@example.com`;
    await sql(
      `INSERT INTO gateway.users (email, password_hash, subscription_status, wait_listed, held_at) VALUES ('${email}', '-', 'unpaid', true, now())`,
    );
    await page.goto(`${app}/admin/users/waiting`);
    return page.locator(".lines li", { hasText: email });
  };
  const second = await waits("second");
  await second.getByRole("button", { name: "Take off the list" }).click();
  await page.locator(".said").waitFor();
  await page.goto(`${app}/admin/users/waiting`);
  expect(await second.count()).toBe(0);
  const first = await waits("first");
  await first.getByRole("button", { name: "Give a place now" }).click();
  await page.locator(".said").waitFor();
  await sql("DELETE FROM gateway.users WHERE email LIKE 'first-%' OR email LIKE 'second-%'");
});

test("a slice is pushed out and moved, and given another image that is taken back", async () => {
  const { page } = op;
  await openSlice();
  await page.getByRole("button", { name: "Reclaim now" }).click();
  // Who has just been there may have been heard of already, or not yet.
  const told = page.locator(".said, main > .problem").first();
  expect(await told.textContent()).toMatch(/nothing is taken during a session|reclaim is asked for/);
  await openSlice();
  expect(await does(page, "Move to another slice")).toContain("being moved");
  await vi.waitFor(
    async () => {
      const now = (await customer.ask("/auth/me")).body as {
        slice: { id: number; moving: boolean; status: string };
      };
      expect(now.slice.id !== slice && !now.slice.moving && now.slice.status === "assigned").toBe(true);
      expect((await customer.ask("/api/status")).status).toBe(200);
      slice = now.slice.id;
    },
    { timeout: 120_000, interval: 500 },
  );

  const image = await imageOf(slice);
  await openSlice();
  await page.getByRole("link", { name: "New image…" }).click();
  await page.waitForURL(/image/);
  await passAgain(page, authenticator);
  await page.getByLabel(/^Image, as/).fill(image);
  expect(await does(page, "Check it, then update this slice")).toContain(`checks ${image} first`);
  // The page follows it; a brake is there as soon as it runs.
  await page.getByRole("button", { name: "Pause", exact: true }).waitFor({ timeout: 120_000 });
  expect(await does(page, "Pause")).not.toBe("");
  expect(await does(page, "Resume")).not.toBe("");
  await page.getByRole("link", { name: "Take back…" }).waitFor();
  await page.getByText("done", { exact: true }).first().waitFor({ timeout: 120_000 });
  await page.getByRole("link", { name: "Take back…" }).click();
  await page.waitForURL(/rollback/);
  await passAgain(page, authenticator);
  await does(page, "Take it back");
  const state = `SELECT r.state, s.image = rs.from_image FROM gateway.rollouts r JOIN gateway.rollout_slices rs ON rs.rollout_id = r.id
    JOIN gateway.slices s ON s.id = rs.slice_id WHERE r.asked_image = '${image}'`;
  await vi.waitFor(async () => expect(await sql(state)).toBe("rolled_back|t"), {
    timeout: 120_000,
    interval: 500,
  });
  const pinned = await sql(`SELECT image FROM gateway.rollouts WHERE asked_image = '${image}'`);
  await vi.waitFor(() => removeImage(image, pinned), { timeout: 60_000, interval: 500 });
  expect(op.errors).toEqual([]);
});
