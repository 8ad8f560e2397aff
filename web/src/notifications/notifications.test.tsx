// @vitest-environment happy-dom
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import type { Channels, Me, User } from "../api/gateway";
import { appInTest, me, refused } from "../appInTest";

const { answers, requests, show, heading } = appInTest();
const nothing = () => new Response(null, { status: 204 });
const whose = (user: Partial<User>, more: Partial<Me> = {}) => {
  return () => Response.json({ ...me, ...more, user: { ...me.user, ...user } });
};
const put = (path: string) => requests.filter((request) => request.startsWith(`PUT ${path} `));

it.each<[string, Partial<Me>]>([
  ["runs", {}],
  ["is suspended", { slice: { id: 7, status: "suspended", waConnected: false, moving: false } }],
  ["has failed", { slice: { id: 7, status: "failed", waConnected: false, moving: false } }],
  ["is waited for", { slice: null, waiting: { since: new Date().toISOString(), position: 1, full: true } }],
  ["was deleted", { slice: null }],
])("is reached from the account's menu when the workspace %s, and needs none", async (_, more) => {
  answers["GET /auth/me"] = whose({}, more);
  show("/");
  await heading(/./);
  const user = userEvent.setup();
  await user.click(screen.getByRole("button", { name: "Account" }));
  requests.length = 0;
  await user.click(screen.getByRole("link", { name: "Notifications" }));
  await heading("Notifications");
  expect(screen.getByText(/is confirmed\./).textContent).toBe("ann@example.com is confirmed.");
  expect(requests.filter((request) => request.includes("/api/"))).toEqual([]);
});

it("leads back here after the login, and says what for", async () => {
  answers["GET /auth/me"] = () => refused(401, "Not authenticated");
  answers["POST /auth/login"] = () => Response.json(me);
  show("/notifications");
  await heading("Log in");
  screen.getByText("Log in to choose how we reach you.");
  const user = userEvent.setup();
  await user.type(screen.getByLabelText("E-mail"), "ann@example.com");
  await user.type(screen.getByLabelText("Password"), "correct horse{Enter}");
  await heading("Notifications");
});

it("saves each choice at once, says so, and warns of what nobody tells then", async () => {
  answers["PUT /auth/channels"] = whose({ channels: { email: false, whatsapp: true } });
  show("/notifications");
  const box = await screen.findByRole<HTMLInputElement>("checkbox", { name: "E-mail" });
  expect(box.checked).toBe(true);
  await userEvent.click(box);
  await screen.findByText("Saved");
  expect(box.checked).toBe(false);
  expect(put("/auth/channels")).toEqual(['PUT /auth/channels {"email":false,"whatsapp":true}']);
  screen.getByText(/nobody tells you when your WhatsApp is disconnected/);
});

it("sends what was chosen last, however fast, and one request at a time", async () => {
  const settle: (() => void)[] = [];
  answers["PUT /auth/channels"] = () =>
    new Promise((resolve) => {
      const channels = JSON.parse(requests.at(-1)?.replace("PUT /auth/channels ", "") ?? "") as Channels;
      settle.push(() => resolve(whose({ channels })()));
    });
  show("/notifications");
  const email = await screen.findByRole<HTMLInputElement>("checkbox", { name: "E-mail" });
  const whatsapp = screen.getByRole<HTMLInputElement>("checkbox", { name: "WhatsApp" });
  await userEvent.click(email);
  await userEvent.click(whatsapp);
  await userEvent.click(email);
  expect([email.checked, whatsapp.checked]).toEqual([true, false]);
  expect(put("/auth/channels")).toHaveLength(1);
  screen.getByText("Saving…");
  settle[0]?.();
  await waitFor(() => expect(settle).toHaveLength(2));
  expect([email.checked, whatsapp.checked]).toEqual([true, false]);
  settle[1]?.();
  await screen.findByText("Saved");
  expect(put("/auth/channels")).toEqual([
    'PUT /auth/channels {"email":false,"whatsapp":true}',
    'PUT /auth/channels {"email":true,"whatsapp":false}',
  ]);
  expect([email.checked, whatsapp.checked]).toEqual([true, false]);
});

it("goes back to what is saved when a choice is refused, and says why", async () => {
  answers["PUT /auth/channels"] = () => refused(502, "The service is restarting.");
  show("/notifications");
  const box = await screen.findByRole<HTMLInputElement>("checkbox", { name: "WhatsApp" });
  await userEvent.click(box);
  expect((await screen.findByRole("alert")).textContent).toBe("The service is restarting.");
  expect(box.checked).toBe(true);
  expect(screen.queryByText("Saved")).toBeNull();
});

it("asks to confirm an address, and holds the button for as long as the server says", async () => {
  answers["GET /auth/me"] = whose({ emailVerified: false });
  answers["POST /auth/verify-email/send"] = () =>
    refused(429, "A mail was sent a moment ago.", { "Retry-After": "41" });
  show("/notifications");
  await screen.findByText(/is not confirmed yet/);
  expect(screen.queryByText("Confirm your e-mail address:")).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "Send the mail again" }));
  expect((await screen.findByRole("alert")).textContent).toBe("A mail was sent a moment ago.");
  await userEvent.click(screen.getByRole("button", { name: "Send again in 41 s" }));
  expect(requests.filter((request) => request.startsWith("POST /auth/verify-email/send"))).toHaveLength(1);
});

it("sees that an address was confirmed meanwhile when it asks for one more mail", async () => {
  answers["GET /auth/me"] = whose({ emailVerified: false });
  answers["POST /auth/verify-email/send"] = () => refused(409, "The address is confirmed already.");
  show("/notifications");
  const button = await screen.findByRole("button", { name: "Send the mail again" });
  answers["GET /auth/me"] = whose({});
  await userEvent.click(button);
  await screen.findByText(/is confirmed\./);
});

it("changes the address with the password, and says at the field what was wrong with either", async () => {
  answers["PUT /auth/email"] = () => refused(401, "The password is not right.");
  show("/notifications");
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Change the address" }));
  const form = within(screen.getByRole("region", { name: "Your e-mail address" }));
  await user.type(form.getByLabelText("New e-mail address"), " Ann@example.com ");
  await user.click(form.getByRole("button", { name: "Change address" }));
  expect(screen.getByRole("alert").textContent).toBe("This is your address already.Type your password.");
  expect(put("/auth/email")).toEqual([]);
  await user.clear(form.getByLabelText("New e-mail address"));
  await user.type(form.getByLabelText("New e-mail address"), "bo@example.com");
  await user.type(form.getByLabelText("Your password"), "wrong horse");
  await user.click(form.getByRole("button", { name: "Change address" }));
  await waitFor(() => expect(form.getByLabelText("Your password").getAttribute("aria-invalid")).toBe("true"));
  answers["PUT /auth/email"] = () => refused(409, "There is an account with this address.");
  await user.click(form.getByRole("button", { name: "Change address" }));
  await waitFor(() =>
    expect(form.getByLabelText("New e-mail address").getAttribute("aria-invalid")).toBe("true"),
  );
  answers["PUT /auth/email"] = whose({ email: "bo@example.com", emailVerified: false });
  await user.click(form.getByRole("button", { name: "Change address" }));
  await screen.findByText(/Your address is changed/);
  expect(screen.queryByLabelText("Your password")).toBeNull();
  expect(put("/auth/email").at(-1)).toBe(
    'PUT /auth/email {"email":"bo@example.com","password":"wrong horse"}',
  );
  screen.getByText(/is not confirmed yet/);
  expect(document.activeElement).toBe(screen.getByRole("button", { name: "Change the address" }));
});

it("goes to the login from a change when nobody is logged in any more", async () => {
  show("/notifications");
  const box = await screen.findByRole("checkbox", { name: "WhatsApp" });
  answers["GET /auth/me"] = () => refused(401, "Not authenticated");
  answers["PUT /auth/channels"] = () => refused(401, "Not authenticated");
  await userEvent.click(box);
  await heading("Log in");
});

it("reminds of an unconfirmed address on every page, and can be put away until the next visit", async () => {
  answers["GET /auth/me"] = whose({ emailVerified: false, email: "cy@example.com" });
  answers["POST /auth/verify-email/send"] = nothing;
  show("/");
  await screen.findByText("Confirm your e-mail address:");
  const user = userEvent.setup();
  expect(screen.getByRole("link", { name: "Change" }).getAttribute("href")).toBe("/notifications");
  await user.click(screen.getByRole("button", { name: "Send again" }));
  await screen.findByText(/another mail is on its way to/);
  await user.click(screen.getByRole("button", { name: "Put this away" }));
  expect(screen.queryByText("Confirm your e-mail address:")).toBeNull();
  // A page in another frame, and back.
  await user.click(screen.getByRole("button", { name: "Account" }));
  await user.click(screen.getByRole("link", { name: "Notifications" }));
  await heading("Notifications");
  await user.click(screen.getByRole("link", { name: "Brandname" }));
  await heading("Inbox");
  expect(screen.queryByText("Confirm your e-mail address:")).toBeNull();
});

it("reminds somebody of it who waits for a workspace", async () => {
  const waiting = { since: new Date().toISOString(), position: 3, full: true };
  answers["GET /auth/me"] = whose(
    { emailVerified: false, email: "di@example.com" },
    { slice: null, waiting },
  );
  show("/");
  await heading("We are full at the moment");
  screen.getByText("Confirm your e-mail address:");
});

it("says that mails come back, as long as they do", async () => {
  answers["GET /auth/me"] = whose({ emailBounced: true });
  show("/");
  const link = await screen.findByRole("link", { name: "Change the address" });
  expect(screen.queryByRole("button", { name: "Put this away" })).toBeNull();
  await userEvent.click(link);
  await heading("Notifications");
  screen.getByText(/mailbox is full or gone/);
  expect(screen.queryByText(/so we cannot tell you/)).toBeNull();
});
