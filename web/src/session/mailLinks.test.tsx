// @vitest-environment happy-dom
import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { appInTest, me, refused } from "../appInTest";

const { answers, requests, show, heading } = appInTest();
const token = "A".repeat(43);
const other = "B".repeat(43);
const nothing = () => new Response(null, { status: 204 });
const nobody = () => refused(401, "Not authenticated");
const unconfirmed = { ...me, user: { ...me.user, emailVerified: false } };
const posted = (path: string) => requests.filter((request) => request.startsWith(`POST ${path}`));
const address = () => window.location.pathname + window.location.search + window.location.hash;

it("carries a typed address over from the login, and tells nobody whether there is such an account", async () => {
  answers["GET /auth/me"] = nobody;
  answers["POST /auth/forgot-password"] = nothing;
  show("/login?next=%2Freconnect");
  await heading("Log in");
  const user = userEvent.setup();
  await user.type(screen.getByLabelText("E-mail"), "bo@example.com");
  await user.click(screen.getByRole("link", { name: "Forgot password?" }));
  await heading("Forgot your password?");
  expect(address()).toBe("/forgot-password?next=%2Freconnect");
  expect(screen.getByLabelText<HTMLInputElement>("E-mail").value).toBe("bo@example.com");
  await user.click(screen.getByRole("button", { name: "Send the link" }));
  await heading("Look into your mailbox");
  expect(posted("/auth/forgot-password")).toEqual(['POST /auth/forgot-password {"email":"bo@example.com"}']);
  screen.getByText(/If there is an account with this address, .* It works for 10 minutes\./);
  screen.getByText(/folder for spam/);
  await user.click(screen.getByRole("button", { name: /to another address/ }));
  expect(screen.getByLabelText<HTMLInputElement>("E-mail").value).toBe("bo@example.com");
  await user.click(screen.getByRole("link", { name: "Back to the login" }));
  await heading("Log in");
  expect(address()).toBe("/login?next=%2Freconnect");
});

it("asks for a mail only with an address, and not while the server wants it to wait", async () => {
  answers["GET /auth/me"] = nobody;
  answers["POST /auth/forgot-password"] = () => refused(429, "Too many tries.", { "Retry-After": "30" });
  show("/forgot-password");
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Send the link" }));
  expect(screen.getByRole("alert").textContent).toBe("Type your e-mail address.");
  await user.type(screen.getByLabelText("E-mail"), "bo@example.com");
  await user.click(screen.getByRole("button", { name: "Send the link" }));
  await user.click(await screen.findByRole("button", { name: "Try again in 30 s" }));
  expect(posted("/auth/forgot-password")).toHaveLength(1);
});

it("sets a new password with the link's token, which the address bar does not keep", async () => {
  answers["POST /auth/reset-password"] = () => {
    answers["GET /auth/me"] = nobody;
    return nothing();
  };
  show(`/reset-password#token=${token}`);
  expect(address()).toBe("/reset-password");
  await heading("Choose a new password");
  const user = userEvent.setup();
  const field = screen.getByLabelText<HTMLInputElement>("New password");
  expect(field.autocomplete).toBe("new-password");
  await user.type(field, "short");
  await user.click(screen.getByRole("button", { name: "Save the new password" }));
  expect(screen.getByRole("alert").textContent).toMatch(/5 of the 10/);
  expect(posted("/auth/reset-password")).toEqual([]);
  await user.type(field, " and long");
  await user.click(screen.getByRole("button", { name: "Save the new password" }));
  await heading("Your password is changed");
  expect(posted("/auth/reset-password")).toEqual([
    `POST /auth/reset-password {"token":"${token}","password":"short and long"}`,
  ]);
  screen.getByText(/All devices were logged out/);
  await user.click(screen.getByRole("link", { name: "Log in" }));
  await heading("Log in");
  expect(address()).toBe("/login");
});

it("says at the field what the server has against a password", async () => {
  answers["GET /auth/me"] = nobody;
  answers["POST /auth/reset-password"] = () => refused(400, "The password is too long.");
  show(`/reset-password#token=${token}`);
  const user = userEvent.setup();
  await user.type(await screen.findByLabelText("New password"), "correct horse");
  await user.click(screen.getByRole("button", { name: "Save the new password" }));
  await screen.findByRole("alert");
  expect(screen.getByLabelText("New password").getAttribute("aria-invalid")).toBe("true");
});

it.each([
  ["used up", `#token=${token}`, "This link was used already."],
  ["missing", "", /opened by the link in a mail/],
  ["cut off", "#token=abc", /opened by the link in a mail/],
])("leads to a new link when the one for a password is %s", async (_, hash, words) => {
  answers["GET /auth/me"] = nobody;
  answers["POST /auth/reset-password"] = () => refused(410, "This link was used already.");
  show(`/reset-password${hash}`);
  const user = userEvent.setup();
  if (hash.includes(token)) {
    await user.type(await screen.findByLabelText("New password"), "correct horse");
    await user.click(screen.getByRole("button", { name: "Save the new password" }));
  }
  await heading("This link does not work any more");
  expect(address()).toBe("/reset-password");
  screen.getByText(words);
  await user.click(screen.getByRole("link", { name: "Ask for a new link" }));
  await heading("Forgot your password?");
});

it("takes a second link that is followed in the same tab", async () => {
  answers["GET /auth/me"] = nobody;
  answers["POST /auth/verify-email"] = () => refused(410, "This link is too old.");
  show(`/verify-email#token=${token}`);
  await heading("This link does not work any more");
  answers["POST /auth/verify-email"] = nothing;
  window.location.hash = `#token=${other}`;
  await heading("Your e-mail address is confirmed");
  expect(posted("/auth/verify-email")).toEqual([
    `POST /auth/verify-email {"token":"${token}"}`,
    `POST /auth/verify-email {"token":"${other}"}`,
  ]);
  expect(address()).toBe("/verify-email");
});

it("confirms an address by itself and once, for somebody who is not logged in", async () => {
  answers["GET /auth/me"] = nobody;
  let settle = (_: Response) => {};
  answers["POST /auth/verify-email"] = () =>
    new Promise((resolve) => {
      settle = resolve;
    });
  show(`/verify-email#token=${token}`);
  await heading("Confirming your e-mail address");
  screen.getByText("One moment…");
  await waitFor(() => expect(posted("/auth/verify-email")).toHaveLength(1));
  settle(nothing());
  await heading("Your e-mail address is confirmed");
  expect(posted("/auth/verify-email")).toHaveLength(1);
  expect(screen.getByRole("link", { name: "Log in" }).getAttribute("href")).toBe("/login");
});

it("has the banner gone for somebody who is logged in and has confirmed their address", async () => {
  answers["GET /auth/me"] = () => Response.json(unconfirmed);
  answers["POST /auth/verify-email"] = () => {
    answers["GET /auth/me"] = () => Response.json(me);
    return nothing();
  };
  show(`/verify-email#token=${token}`);
  await heading("Your e-mail address is confirmed");
  await userEvent.click(screen.getByRole("link", { name: "Go to your workspace" }));
  await heading("Inbox");
  expect(screen.queryByText(/Confirm your e-mail address/)).toBeNull();
});

it("sends a new mail in place of an old link, to somebody who is logged in", async () => {
  answers["GET /auth/me"] = () => Response.json(unconfirmed);
  answers["POST /auth/verify-email"] = () => refused(410, "This link is too old.");
  answers["POST /auth/verify-email/send"] = nothing;
  show(`/verify-email#token=${token}`);
  await screen.findByText("This link is too old.");
  await userEvent.click(await screen.findByRole("button", { name: "Send the mail again" }));
  expect((await screen.findByText(/A mail is on its way/)).textContent).toContain("ann@example.com");
  await userEvent.click(screen.getByRole("button", { name: "Send again in 60 s" }));
  expect(posted("/auth/verify-email/send")).toHaveLength(1);
});

it("has somebody log in who is not, to ask for a new mail", async () => {
  answers["GET /auth/me"] = nobody;
  show("/verify-email");
  await heading("This link does not work any more");
  const link = await screen.findByRole("link", { name: "Log in to ask for a new one" });
  expect(link.getAttribute("href")).toBe("/login?next=%2Fnotifications");
});

it("says of an old link that there is nothing left to do when the address is confirmed", async () => {
  answers["POST /auth/verify-email"] = () => refused(410, "This link was used already.");
  show(`/verify-email#token=${token}`);
  await heading("Your address is confirmed already");
});

it("tries to confirm an address again where the server could not answer", async () => {
  answers["GET /auth/me"] = nobody;
  answers["POST /auth/verify-email"] = () => refused(502, "The service is restarting.");
  show(`/verify-email#token=${token}`);
  await heading("Your address is not confirmed yet");
  expect(screen.getByRole("alert").textContent).toBe("The service is restarting.");
  answers["POST /auth/verify-email"] = nothing;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  await heading("Your e-mail address is confirmed");
});

it("asks nobody to confirm what was confirmed on another device, once they come back", async () => {
  answers["GET /auth/me"] = () => Response.json(unconfirmed);
  show("/");
  await screen.findByText("Confirm your e-mail address:");
  // Drawn, and by the end of an act listening too.
  await act(async () => {});
  answers["GET /auth/me"] = () => Response.json(me);
  document.dispatchEvent(new Event("visibilitychange"));
  await waitFor(() => expect(screen.queryByText("Confirm your e-mail address:")).toBeNull());
});

it("does not take an answer for news that was asked for before a later one", async () => {
  let late = (_: Response) => {};
  answers["GET /auth/me"] = () =>
    new Promise((resolve) => {
      late = resolve;
    });
  answers["POST /auth/verify-email"] = nothing;
  show(`/verify-email#token=${token}`);
  const first = late;
  answers["GET /auth/me"] = () => Response.json(me);
  await heading("Your e-mail address is confirmed");
  await screen.findByRole("link", { name: "Go to your workspace" });
  await act(async () => first(Response.json(unconfirmed)));
  await userEvent.click(screen.getByRole("link", { name: "Go to your workspace" }));
  await heading("Inbox");
  expect(screen.queryByText("Confirm your e-mail address:")).toBeNull();
});
