import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChatList, ContactList } from "../../slice/src/api";
import { app, desktop, launch, Person, phone, site } from "./person";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

test("from the landing page to an inbox that lives, and back to it", async () => {
  const ann = await Person.arrive(browser, "ann");
  const { page } = ann;
  await page.goto(site);
  await ann.picture("landing");
  await page
    .getByRole("link", { name: /Try it free/ })
    .first()
    .click();
  await page.getByRole("heading", { name: "Scan the QR code" }).waitFor();
  await ann.picture("signup");
  await page.getByRole("link", { name: "Create your account" }).click();
  await page.waitForURL(`${app}/register`);
  await ann.picture("register");
  await ann.register();
  await ann.link();

  // A message arrives by itself: nothing on this page asks for it.
  const arrives = `A table for six, ${Date.now()}`;
  await ann.ask("/api/simulated/receive", {
    method: "POST",
    body: { from: "+15550109999", name: "Nadia Flores", text: arrives },
  });
  const chat = page.getByRole("list", { name: "All chats" }).getByRole("link", { name: /Nadia Flores/ });
  await chat.getByText(arrives).waitFor();
  await chat.click();
  const messages = page.getByRole("region", { name: "Messages with Nadia Flores" }).getByRole("listitem");
  await messages.filter({ hasText: arrives }).waitFor();

  const sent = `At ten or at one? ${Date.now()}`;
  await page.getByLabel("Message to Nadia Flores").fill(sent);
  await page.keyboard.press("Enter");
  await messages.filter({ hasText: sent }).getByText("Read.").waitFor({ timeout: 60_000 });
  await ann.picture("chat");

  await ann.logOut();
  expect((await ann.ask("/api/chats")).status).toBe(401);
  expect((await ann.ask("/auth/me")).status).toBe(401);

  await ann.logIn();
  await page
    .getByRole("list", { name: "All chats" })
    .getByRole("link", { name: /Nadia Flores/ })
    .click();
  await messages.filter({ hasText: sent }).waitFor();
  await messages.filter({ hasText: arrives }).waitFor();
  expect(ann.errors).toEqual([]);
  await ann.context.close();
});

test("two people at the same time never see each other's data, on a phone and on a desk", async () => {
  const people = await Promise.all([
    Person.arrive(browser, "bea", phone),
    Person.arrive(browser, "carl", desktop),
  ]);
  const [bea, carl] = people as [Person, Person];
  await Promise.all(
    people.map(async (person) => {
      await person.page.goto(`${app}/register`);
      await person.register();
      await person.link();
    }),
  );
  const secret = `Only for Bea ${Date.now()}`;
  await bea.ask("/api/simulated/receive", {
    method: "POST",
    body: { from: "+15550108888", name: "Bea's doctor", text: secret },
  });
  await bea.page.getByText(secret).first().waitFor();

  const [hers, his] = await Promise.all(
    people.map(async (person) => ({
      chats: ((await person.ask("/api/chats")).body as ChatList).chats,
      contacts: ((await person.ask("/api/contacts")).body as ContactList).contacts,
      me: (await person.ask("/auth/me")).body as { slice: { id: number } },
    })),
  );
  if (!hers || !his) throw new Error("unreachable");
  expect(hers.me.slice.id).not.toBe(his.me.slice.id);
  expect(hers.contacts.length).toBeGreaterThan(0);
  const known = new Set(his.contacts.map((contact) => contact.id));
  expect(hers.contacts.filter((contact) => known.has(contact.id))).toEqual([]);
  expect(JSON.stringify(his)).not.toContain(secret);
  const doctor = hers.chats.find((chat) => chat.name === "Bea's doctor");
  expect(doctor).toBeDefined();
  expect((await carl.ask(`/api/chats/${doctor?.id}/messages`)).status).toBe(404);

  // What Carl sends by hand to reach Bea's slice is not listened to.
  const smuggled = await carl.page.evaluate(async () => {
    const response = await fetch("/api/chats", { headers: { "X-Slice-Port": "6001", "X-User-Id": "1" } });
    return response.text();
  });
  expect(smuggled).not.toContain(secret);
  // And an event of hers has not come out of his stream.
  await carl.ask("/api/simulated/receive", {
    method: "POST",
    body: { from: "+15550107777", name: "Carl's dentist", text: "Only for Carl" },
  });
  await carl.page.getByText("Only for Carl").first().waitFor();
  expect(await carl.page.content()).not.toContain("Only for Bea");
  expect(await bea.page.content()).not.toContain("Only for Carl");
  for (const person of people) {
    expect(person.errors).toEqual([]);
    await person.context.close();
  }
});

test("files go both ways, a copy can be taken, and all of it destroyed", async () => {
  const eve = await Person.arrive(browser, "eve", phone);
  const { page } = eve;
  await page.goto(`${app}/register`);
  await eve.register();
  await eve.link();
  const files = [
    { kind: "image", bytes: 40_000 },
    { kind: "document", name: "offer.pdf", bytes: 20_000 },
    { kind: "voice", bytes: 8_000 },
  ];
  for (const file of files) {
    const body = { from: "+15550107766", name: "Noor Haddad", text: file.kind, file };
    expect((await eve.ask("/api/simulated/receive", { method: "POST", body })).status).toBe(201);
  }
  await page
    .getByRole("list", { name: "All chats" })
    .getByRole("link", { name: /Noor Haddad/ })
    .click();
  const messages = page.getByRole("region", { name: "Messages with Noor Haddad" }).getByRole("listitem");
  await messages.getByRole("link", { name: "offer.pdf" }).waitFor();
  const picture = messages.getByRole("img");
  await picture.waitFor();
  expect(
    await picture.evaluate((img: HTMLImageElement) => img.decode().then(() => img.naturalWidth)),
  ).toBeGreaterThan(0);
  await messages.getByLabel("Voice message from Noor Haddad").waitFor();

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    messages.getByRole("link", { name: "offer.pdf" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("offer.pdf");

  await page.getByLabel("Files to attach").setInputFiles([
    { name: "menu.txt", mimeType: "text/plain", buffer: Buffer.from("soup\n") },
    { name: "tables.csv", mimeType: "text/csv", buffer: Buffer.from("table,seats\n1,6\n") },
  ]);
  await page.getByLabel("Message to Noor Haddad").fill("What we have");
  await eve.picture("staged");
  await page.keyboard.press("Enter");
  for (const name of ["menu.txt", "tables.csv"]) {
    await messages.filter({ hasText: name }).getByText("Read.").waitFor({ timeout: 60_000 });
  }
  expect(await messages.filter({ hasText: "menu.txt" }).textContent()).toContain("What we have");
  await eve.picture("files");

  await page.getByRole("link", { name: "Back to the inbox" }).click();
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("link", { name: "Your data" }).click();
  const copy = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download everything" }).click();
  expect((await copy).suggestedFilename()).toMatch(/^whatsapp-export-.*\.zip$/);
  expect(await (await copy).failure()).toBeNull();
  await eve.picture("data");
  await page.getByLabel("Type DELETE to confirm").fill("DELETE");
  await page.getByRole("button", { name: "Delete everything" }).click();
  await page.getByRole("heading", { name: "Everything is deleted" }).waitFor({ timeout: 60_000 });
  expect((await eve.ask("/api/chats")).body).toEqual({ chats: [] });
  await eve.picture("destroyed");
  expect(eve.errors).toEqual([]);
  await eve.context.close();
});

test("who is not logged in is asked to, and comes back to where they pointed", async () => {
  const dora = await Person.arrive(browser, "dora", phone);
  await dora.page.goto(site);
  await dora.picture("landing");
  await dora.page.goto(`${app}/connect/link`);
  await dora.page.waitForURL(`${app}/login**`);
  await dora.picture("login");
  await dora.page.getByRole("link", { name: "Create an account" }).click();
  await dora.register();
  await dora.page.waitForURL(`${app}/connect/link`, { timeout: 120_000 });
  expect(dora.errors).toEqual([]);
  await dora.context.close();
});
