import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** What the system under test tells of itself, as `make env` prints it. */
export const site = required("SITE_URL");
export const app = required("APP_URL");

export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`make test\`, or take it from \`make env\``);
  return value;
}

export const artifacts = join(import.meta.dirname, "artifacts");

/** Debian's Chromium. It runs as root in a container or on a server, where its own sandbox cannot. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

export const phone = { width: 360, height: 740 };
export const desktop = { width: 1280, height: 800 };

/** Containers that come and go change the machine's network, and Chromium gives up what it is just loading. */
function steady(page: Page): void {
  const once = page.goto.bind(page);
  page.goto = async (url, options) => {
    try {
      return await once(url, options);
    } catch (error) {
      if (!String(error).includes("ERR_NETWORK_CHANGED")) throw error;
      return once(url, options);
    }
  };
}

/** One person with a browser of their own, and what went wrong in it. */
export class Person {
  readonly errors: string[] = [];

  private constructor(
    readonly name: string,
    readonly email: string,
    readonly password: string,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    steady(page);
    context.on("page", steady);
    page.on("pageerror", (error) => this.errors.push(`page: ${error.message}`));
    page.on("console", (message) => {
      // Refused requests are told of in the console too; what counts are the app's own words.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        this.errors.push(`console: ${message.text()}`);
    });
  }

  static async arrive(browser: Browser, name: string, viewport = desktop): Promise<Person> {
    const context = await browser.newContext({ viewport });
    const unique = `${name}-${Date.now()}-${Math.floor(Math.random() * 1e6)}`;
    return new Person(
      name,
      `${unique}@example.com`,
      `correct horse of ${name}`,
      context,
      await context.newPage(),
    );
  }

  /** The same person in another browser, where nobody is logged in. */
  async elsewhere(viewport = phone): Promise<Person> {
    const browser = this.context.browser();
    if (!browser) throw new Error("the browser is gone");
    const context = await browser.newContext({ viewport });
    return new Person(this.name, this.email, this.password, context, await context.newPage());
  }

  /** Keeps a picture for people to look at. */
  async picture(what: string): Promise<void> {
    mkdirSync(artifacts, { recursive: true });
    await this.page.screenshot({ path: join(artifacts, `${this.name}-${what}.png`) });
  }

  /** Asks the app's origin from inside the page, cookie and all. */
  ask(path: string, init?: { method: string; body?: unknown }): Promise<{ status: number; body: unknown }> {
    return this.page.evaluate(
      async ([url, method, body]) => {
        const response = await fetch(url, {
          method,
          ...(body === null ? {} : { body, headers: { "Content-Type": "application/json" } }),
        });
        const text = await response.text();
        try {
          return { status: response.status, body: JSON.parse(text) as unknown };
        } catch {
          return { status: response.status, body: text };
        }
      },
      [path, init?.method ?? "GET", init?.body === undefined ? null : JSON.stringify(init.body)] as const,
    );
  }

  async register(): Promise<void> {
    await this.page.getByLabel("E-mail").fill(this.email);
    await this.page.getByLabel("Password", { exact: true }).fill(this.password);
    await this.page.getByRole("button", { name: "Create account" }).click();
  }

  async logIn(password = this.password): Promise<void> {
    await this.page.getByLabel("E-mail").fill(this.email);
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.page.getByRole("button", { name: "Log in" }).click();
  }

  async logOut(): Promise<void> {
    await this.page.getByRole("button", { name: "Account" }).click();
    await this.page.getByRole("button", { name: "Log out" }).click();
    await this.page.waitForURL(`${app}/login**`);
  }

  /** From the page after registering to the inbox, with the simulated phone. */
  async link(): Promise<void> {
    const { page } = this;
    // The pool may be empty: then this person waits in line. What is clicked is a link, or a
    // button if the codes of the warm slice have run out meanwhile.
    await page.getByText("I have my phone: show the code").waitFor({ timeout: 120_000 });
    await this.picture("connect");
    await page.getByText("I have my phone: show the code").click();
    await page.getByText(/^Code \d of 6$/).waitFor({ timeout: 60_000 });
    await page
      .getByRole("timer")
      .filter({ hasText: /Renews in \d+ s/ })
      .waitFor();
    await this.picture("scan");
    await page.getByRole("button", { name: "Scan with the simulated phone" }).click();
    await page.getByRole("heading", { name: "Linked. Now syncing" }).waitFor();
    await this.watchTheCount();
    await page.getByRole("heading", { name: "WhatsApp is connected" }).waitFor({ timeout: 60_000 });
    await page.getByRole("link", { name: "Go to the inbox" }).click();
    await page.getByRole("list", { name: "All chats" }).getByRole("link").first().waitFor();
    await this.picture("inbox");
  }

  /** The counter must be seen to rise, not only to have risen. */
  private async watchTheCount(): Promise<void> {
    const contacts = this.page.locator("dt", { hasText: "Contacts" }).locator("xpath=following-sibling::dd");
    const seen = new Set<string>();
    while (seen.size < 3) {
      const before = await contacts.textContent();
      seen.add(before ?? "");
      if (seen.size === 1) await this.picture("syncing");
      await this.page.waitForFunction((old) => document.querySelector("dl dd")?.textContent !== old, before, {
        polling: 50,
        timeout: 30_000,
      });
    }
  }
}
