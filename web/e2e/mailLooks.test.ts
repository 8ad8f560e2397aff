import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { artifacts, launch, required } from "./person";

/** Every mail that there is, as views.WriteSamples has written them. */
const dir = required("MAIL_SAMPLES");
const mails = readdirSync(dir).filter((name) => name.endsWith(".html"));
const pictures = join(artifacts, "mails");

let browser: Browser;
beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  browser = await launch();
});
afterAll(() => browser.close());

/** In the page: what is wider than the screen, and what can hardly be read on what is behind it. */
function faults(): string[] {
  const found: string[] = [];
  const numbers = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = numbers(colour).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element: Element | null): string => {
    if (!element) return "rgb(255, 255, 255)";
    const colour = getComputedStyle(element).backgroundColor;
    return numbers(colour)[3] === 0 ? behind(element.parentElement) : colour;
  };
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect();
    const text = [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.textContent?.trim())
      .join("");
    if (box.width === 0) continue;
    if (box.right > document.documentElement.clientWidth + 0.5)
      found.push(`<${element.tagName}> ends at ${box.right} px: ${text.slice(0, 40)}`);
    if (!text) continue;
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort(
      (a, b) => b - a,
    ) as [number, number];
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(1)}: ${text.slice(0, 40)}`);
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
    found.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  return found;
}

test("there are mails to look at", () => {
  expect(mails.length).toBeGreaterThan(30);
});

for (const width of [360, 700]) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`every mail fits ${width} px and can be read, ${colorScheme}`, async () => {
      const context = await browser.newContext({ viewport: { width, height: 700 }, colorScheme });
      const asked: string[] = [];
      context.on("request", (request) => asked.push(request.url()));
      const page = await context.newPage();
      const wrong: Record<string, string[]> = {};
      const grounds = new Set<string>();
      for (const name of mails) {
        await page.goto(pathToFileURL(join(dir, name)).href);
        const found = await page.evaluate(faults);
        if (found.length > 0) wrong[name] = found;
        grounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
        const picture = `${name.replace(/\.html$/, "")}-${width}-${colorScheme}.png`;
        await page.screenshot({ path: join(pictures, picture), fullPage: true });
      }
      await context.close();
      expect(wrong).toEqual({});
      expect(asked.filter((url) => !url.startsWith("file:"))).toEqual([]);
      const [ground = ""] = [...grounds];
      const bright = Number(ground.match(/\d+/)?.[0]) > 127;
      expect(grounds.size).toBe(1);
      expect(bright).toBe(colorScheme === "light");
    });
  }
}
