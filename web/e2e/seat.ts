import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { app, desktop, Person, phone } from "./person";

/** The operator's command on the server; the environment of the tests is what it needs. */
export async function runner(...args: string[]): Promise<string> {
  const path = join(import.meta.dirname, "../../bin/runner");
  return (await promisify(execFile)(path, args)).stdout;
}

const halfMinute = 30_000;

/** What an authenticator app does with the key that it was shown (RFC 6238). */
export class Authenticator {
  private readonly secret: Buffer;
  private taken = 0;

  constructor(key: string) {
    const bits = [...key]
      .map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"))
      .join("");
    this.secret = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  }

  /**
   * A code that is taken for ten more seconds at least, and none twice: those of the half minutes
   * before and after are taken too.
   */
  async code(): Promise<string> {
    const next = Math.max(this.taken + 1, Math.floor((Date.now() - 20_000) / halfMinute));
    while (next > Math.floor(Date.now() / halfMinute) + 1) await new Promise((done) => setTimeout(done, 250));
    this.taken = next;
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(next));
    const hash = createHmac("sha1", this.secret).update(counter).digest();
    const at = (hash.at(-1) ?? 0) & 15;
    return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  }
}

/** An account that `runner admin add` has made an admin, with the code that it showed. */
export async function newAdmin(browser: Browser): Promise<{ person: Person; setUpCode: string }> {
  const person = await Person.arrive(browser, "op", desktop);
  await person.page.goto(`${app}/register`);
  await person.register();
  await person.page.getByRole("button", { name: "Account", exact: true }).waitFor();
  const said = await runner("admin", "add", person.email);
  const setUpCode = /^ {2}(\S+)$/m.exec(said)?.[1];
  if (!setUpCode) throw new Error(`runner admin add shows no code: ${said}`);
  return { person, setUpCode };
}

/** From the page that asks for the set-up code to the recovery codes. */
export async function setUp(page: Page, setUpCode: string): Promise<Authenticator> {
  await page.getByLabel("Set-up code").fill(setUpCode);
  await page.getByRole("button", { name: "Begin" }).click();
  await page.getByRole("img", { name: "QR code of the second factor" }).waitFor();
  const authenticator = new Authenticator((await page.locator("code.secret").textContent()) ?? "");
  await page.getByRole("textbox", { name: "Code" }).fill(await authenticator.code());
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("heading", { name: "Recovery codes" }).waitFor();
  return authenticator;
}

/** An admin who has just passed the second factor. */
export async function takeSeat(browser: Browser): Promise<{ op: Person; authenticator: Authenticator }> {
  const { person, setUpCode } = await newAdmin(browser);
  await person.page.goto(`${app}/admin`);
  return { op: person, authenticator: await setUp(person.page, setUpCode) };
}

/** Enters a code where one is asked for again, which is when the last is older than five minutes. */
export async function passAgain(page: Page, authenticator: Authenticator): Promise<void> {
  if (!page.url().includes("second-factor")) return;
  await page.getByRole("textbox", { name: "Code" }).fill(await authenticator.code());
  await page.getByRole("button", { name: "Go on" }).click();
}

/** A customer with a slice, whose phone is not linked. */
export async function newCustomer(browser: Browser, name: string): Promise<Person> {
  const person = await Person.arrive(browser, name, phone);
  await person.page.goto(`${app}/register`);
  await person.register();
  await person.page.getByText("I have my phone: show the code").waitFor({ timeout: 120_000 });
  return person;
}

export async function sliceOf(person: Person): Promise<number> {
  const { body } = await person.ask("/auth/me");
  return (body as { slice: { id: number } }).slice.id;
}

/** Presses a button of a page of the seat, and gives what is said on the next. */
export async function does(page: Page, button: string): Promise<string> {
  await Promise.all([
    page.waitForEvent("framenavigated"),
    page.getByRole("button", { name: button, exact: true }).click(),
  ]);
  const told = page.locator(".said, main > .problem").first();
  const words = (await told.textContent()) ?? "";
  if ((await told.getAttribute("class")) !== "said") throw new Error(`${button}: ${words}`);
  return words;
}

/** What a page of the seat says beside a name. */
export function figure(page: Page, name: string): Locator {
  return page.locator("dl > div", { has: page.getByText(name, { exact: true }) }).locator("dd");
}

/** The page of an account, by way of the search. */
export async function openUser(page: Page, email: string): Promise<void> {
  await page.goto(`${app}/admin/users`);
  await page.locator("input[name=q]").fill(email);
  await page.keyboard.press("Enter");
  await page.locator(".lines").getByRole("link", { name: email }).click();
  await page.getByRole("heading", { level: 1, name: email }).waitFor();
}

/** Notes on a page what is gone once it is loaded again. */
export async function markLoaded(page: Page): Promise<() => Promise<boolean>> {
  await page.evaluate(() => document.documentElement.setAttribute("data-kept", ""));
  return () => page.evaluate(() => document.documentElement.hasAttribute("data-kept"));
}

/** The seat in a browser of its own without JavaScript. */
export async function withoutScript(op: Person): Promise<BrowserContext> {
  const browser = op.context.browser();
  if (!browser) throw new Error("the browser is gone");
  return browser.newContext({
    viewport: phone,
    javaScriptEnabled: false,
    storageState: await op.context.storageState(),
  });
}

/** A date and time so many minutes from now, as a field of the seat takes it. */
export function inMinutes(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString().slice(0, 16);
}
