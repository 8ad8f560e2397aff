// @vitest-environment happy-dom
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { Me, SeenBy, Support } from "../api/gateway";
import { appInTest, me, refused } from "../appInTest";
import { clockTime, momentOf } from "../ui/time";

const { answers, requests, show, heading } = appInTest();
const inHalfAnHour = () => new Date(Date.now() + 30 * 60_000).toISOString();
const seen = (seenBy: Partial<SeenBy> = {}, more: Partial<Me> = {}) => {
  return () =>
    Response.json({ ...me, seenBy: { until: inHalfAnHour(), mayChange: false, ...seenBy }, ...more });
};
const banner = () => screen.findByRole("region", { name: "Seen by support" });
const looking = "You are looking at someone else's account: nothing can be changed.";
const sent = (method: string) => requests.filter((request) => request.startsWith(`${method} `));

it.each<[string, Partial<Me>]>([
  ["/", {}],
  ["/data", {}],
  ["/connect", {}],
  ["/chats/15550100001@c.us", {}],
  ["/billing", {}],
  ["/billing/done", {}],
  ["/notifications", {}],
  ["/no/such/page", {}],
  ["/verify-email", {}],
  ["/", { slice: { id: 7, status: "suspended", waConnected: false, moving: false } }],
  ["/", { slice: null, waiting: { since: new Date().toISOString(), position: 1, full: true } }],
  ["/", { slice: null }],
])("says on %s whose account it is, until when, and how to leave", async (path, more) => {
  answers["GET /auth/me"] = seen({ until: "2126-01-01T14:05:00Z" }, more);
  answers["POST /auth/verify-email"] = () => refused(403, looking);
  answers["POST /billing/refresh"] = () => refused(403, looking);
  show(path);
  const said = (await within(await banner()).findByRole("status")).textContent ?? "";
  const words = "You are looking at ann@example.com’s account as Brandname support. Nothing can be changed.";
  expect(said).toBe(`${words} Until ${clockTime("2126-01-01T14:05:00Z")}.`);
  const leave = within(await banner()).getByRole("button", { name: "Leave" });
  const form = leave.closest("form");
  expect([form?.getAttribute("method"), form?.getAttribute("action")]).toEqual(["post", "/admin/see/end"]);
});

it("is not there for the owner, nor before a login", async () => {
  show("/");
  await heading(/./);
  expect(screen.queryByRole("region", { name: "Seen by support" })).toBeNull();
});

it("says what is allowed, where the owner has allowed more", async () => {
  answers["GET /auth/me"] = seen({ mayChange: true });
  show("/chats/15550100001@c.us");
  expect((await banner()).textContent).toContain("They have allowed more than looking");
  await screen.findByRole("textbox", { name: "Message to Bea Blum" });
});

it("shows a chat with nothing to write in, and marks nothing as read", async () => {
  answers["GET /auth/me"] = seen();
  show("/chats/15550100001@c.us");
  await screen.findByText("Hello there");
  screen.getByText("You are looking: nothing can be sent.");
  expect(screen.queryByRole("textbox", { name: "Message to Bea Blum" })).toBeNull();
  expect(sent("POST")).toEqual([]);
});

it("marks nothing as read for an operator who may act, either", async () => {
  answers["GET /auth/me"] = seen({ mayChange: true });
  show("/chats/15550100001@c.us");
  await screen.findByRole("textbox", { name: "Message to Bea Blum" });
  expect(sent("POST")).toEqual([]);
});

it("offers no download that would save a refusal, and no end of the data", async () => {
  answers["GET /auth/me"] = seen();
  answers["GET /billing/exports"] = () =>
    Response.json({
      exports: [
        {
          id: 1,
          status: "ready",
          bytes: 5,
          expected: 5,
          error: null,
          createdAt: "2026-01-01T00:00:00Z",
          readyAt: "2026-01-01T00:00:00Z",
          expiresAt: null,
        },
      ],
    });
  const page = show("/data");
  await screen.findByText("You are looking: no copy can be taken.");
  expect(screen.queryByRole("link", { name: /Download/ })).toBeNull();
  expect(screen.queryByRole("heading", { name: "Delete all data" })).toBeNull();
  page.unmount();
  show("/billing");
  await screen.findByText("You are looking: no copy can be taken.");
  await screen.findByText("Payment is the owner’s alone.");
  for (const name of [/Download/, /Stripe/, /copy/]) expect(screen.queryByRole("link", { name })).toBeNull();
  expect(screen.queryByRole("button", { name: /copy|Cancel|Buy/i })).toBeNull();
});

it("offers copies where the owner has allowed more, and neither payment nor deleting", async () => {
  answers["GET /auth/me"] = seen({ mayChange: true });
  const page = show("/data");
  await screen.findByRole("link", { name: "Download everything" });
  expect(screen.queryByRole("heading", { name: "Delete all data" })).toBeNull();
  page.unmount();
  show("/billing");
  await screen.findByRole("button", { name: "Make a copy" });
  screen.getByText("Payment is the owner’s alone.");
});

it("shows why something is refused", async () => {
  answers["GET /auth/me"] = seen();
  answers["PUT /auth/channels"] = () => refused(403, looking);
  show("/notifications");
  await userEvent.click(await screen.findByRole("checkbox", { name: "E-mail" }));
  expect((await screen.findByRole("alert")).textContent).toBe(looking);
});

it("shows the operator's own account when the time is over, though nobody tells", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  answers["GET /auth/me"] = seen({ until: new Date(Date.now() + 10_000).toISOString() });
  show("/notifications");
  await banner();
  answers["GET /auth/me"] = () =>
    Response.json({ ...me, user: { ...me.user, id: 2, email: "op@example.com" } });
  await act(() => vi.advanceTimersByTimeAsync(11_000));
  await waitFor(() => expect(screen.queryByRole("region", { name: "Seen by support" })).toBeNull());
  expect(screen.getAllByText("op@example.com").length).toBeGreaterThan(0);
});

it("learns within half a minute what the owner has allowed meanwhile", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  answers["GET /auth/me"] = seen();
  show("/notifications");
  expect((await banner()).textContent).toContain("Nothing can be changed");
  answers["GET /auth/me"] = seen({ mayChange: true });
  await act(() => vi.advanceTimersByTimeAsync(31_000));
  await waitFor(async () =>
    expect((await banner()).textContent).toContain("They have allowed more than looking"),
  );
});

const support = (more: Partial<Support> = {}) => Response.json({ until: null, looks: [], ...more });

it("lets the owner allow support more for a day, and take that back", async () => {
  answers["PUT /auth/support"] = () => support({ until: new Date(Date.now() + 86_400_000).toISOString() });
  answers["DELETE /auth/support"] = () => support();
  show("/notifications");
  const card = within(await screen.findByRole("region", { name: "Help from support" }));
  await card.findByText("Support may only look.");
  card.getByText("Support has never looked at your account.");
  await userEvent.click(card.getByRole("button", { name: "Allow more for 24 hours" }));
  expect((await card.findByText(/and take copies until/)).textContent).toMatch(
    /^Support may act for you and/,
  );
  await userEvent.click(card.getByRole("button", { name: "Take that back" }));
  await card.findByText("Support may only look.");
  expect(sent("PUT")).toEqual(["PUT /auth/support"]);
  expect(sent("DELETE")).toEqual(["DELETE /auth/support"]);
});

it("tells the owner when support looked, and why an answer did not come", async () => {
  answers["GET /auth/support"] = () => refused(502, "The service is restarting.");
  show("/notifications");
  const card = within(await screen.findByRole("region", { name: "Help from support" }));
  expect((await card.findByRole("alert")).textContent).toBe("The service is restarting.");
  answers["GET /auth/support"] = () =>
    support({
      looks: [
        { at: "2026-03-02T12:00:00Z", mayChange: true },
        { at: "2026-03-01T12:00:00Z", mayChange: false },
      ],
    });
  await userEvent.click(card.getByRole("button", { name: "Try again" }));
  const looks = await card.findByRole("list", { name: "When support looked" });
  const lines = within(looks)
    .getAllByRole("listitem")
    .map(({ textContent }) => textContent);
  expect(lines).toEqual([
    `${momentOf("2026-03-02T12:00:00Z")}, when you had allowed more`,
    momentOf("2026-03-01T12:00:00Z"),
  ]);
});

it("shows an operator what is allowed, which they cannot change", async () => {
  answers["GET /auth/me"] = seen();
  show("/notifications");
  const card = within(await screen.findByRole("region", { name: "Help from support" }));
  await card.findByText("The owner alone can allow more, or take it back.");
  expect(card.queryByRole("button")).toBeNull();
});
