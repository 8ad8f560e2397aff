// @vitest-environment happy-dom

import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Announcement, Maintenance } from "../api/gateway";
import { appInTest, bea, me, refused, StreamInTest, status } from "../appInTest";

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

/** One after the other: each may begin what the next one ends. */
async function seconds(many: number): Promise<void> {
  for (let passed = 0; passed < many; passed++) await act(() => vi.advanceTimersByTimeAsync(1_000));
}

const announcement = (more: Partial<Announcement> = {}): Announcement => ({
  id: 1,
  level: "info",
  words: [{ text: "We have <b>news</b>: " }, { text: "https://a.example/x", link: "https://a.example/x" }],
  startsAt: inMinutes(-5),
  endsAt: inMinutes(60),
  ...more,
});

const maintenance: Maintenance = {
  since: inMinutes(-1),
  until: inMinutes(30),
  words: [{ text: "We are moving to faster disks." }],
};

describe("what the operator tells everybody", () => {
  const { answers, requests, show, heading } = appInTest();
  const announced = (...announcements: Announcement[]) => {
    answers["GET /auth/me"] = () => Response.json({ ...me, announcements });
  };
  beforeEach(() => localStorage.clear());

  it("is a banner with its level in words, of text and links alone", async () => {
    announced(announcement(), announcement({ id: 2, level: "warning", words: [{ text: "Mind this" }] }));
    show("/");
    const info = await screen.findByText("Information:");
    const banner = info.closest("p") as HTMLElement;
    expect(banner.textContent).toBe("Information: We have <b>news</b>: https://a.example/x");
    const link = within(banner).getByRole("link");
    expect(link.getAttribute("href")).toBe("https://a.example/x");
    expect(link.getAttribute("rel")).toBe("noopener noreferrer");
    expect(screen.getByText("Warning:").closest("p")?.textContent).toBe("Warning: Mind this");
  });

  it("never becomes a link that leads elsewhere than to https", async () => {
    announced(announcement({ words: [{ text: "click", link: "javascript:alert(1)" }] }));
    show("/");
    const banner = (await screen.findByText("Information:")).closest("p") as HTMLElement;
    expect(within(banner).queryByRole("link")).toBeNull();
    expect(banner.textContent).toBe("Information: click");
  });

  it("is also on pages of whoever has no workspace that runs", async () => {
    answers["GET /auth/me"] = () =>
      Response.json({
        ...me,
        announcements: [announcement()],
        slice: { ...me.slice, status: "suspended" },
      });
    show("/");
    await heading("Your workspace is paused");
    expect(screen.getByText("Information:")).toBeDefined();
  });

  it("is put away for good in this browser, and a warning until the next day", async () => {
    announced(announcement(), announcement({ id: 2, level: "warning", endsAt: inMinutes(5_000) }));
    const first = show("/");
    await userEvent.click(await screen.findByRole("button", { name: "Put this away" }));
    await userEvent.click(screen.getByRole("button", { name: "Put this away until tomorrow" }));
    expect(screen.queryByText(/^(Information|Warning):$/)).toBeNull();
    first.unmount();

    const again = show("/");
    await screen.findByText(bea.name as string);
    expect(screen.queryByText(/^(Information|Warning):$/)).toBeNull();
    again.unmount();

    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 86_400_000 });
    announced(
      announcement({ endsAt: inMinutes(600) }),
      announcement({ id: 2, level: "warning", endsAt: inMinutes(600) }),
    );
    show("/");
    await screen.findByText("Warning:");
    expect(screen.queryByText("Information:")).toBeNull();
  });

  it("comes and goes on time by itself", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    announced(announcement({ startsAt: inMinutes(10), endsAt: inMinutes(20) }));
    show("/");
    await screen.findByText(bea.name as string);
    expect(screen.queryByText("Information:")).toBeNull();
    await act(() => vi.advanceTimersByTimeAsync(10 * 60_000 + 15_000));
    expect(screen.getByText("Information:")).toBeDefined();
    await act(() => vi.advanceTimersByTimeAsync(10 * 60_000));
    expect(screen.queryByText("Information:")).toBeNull();
  });

  it("reaches an open page by its event stream", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    show("/");
    await screen.findByText(bea.name as string);
    announced(announcement());
    StreamInTest.announce();
    await act(() => vi.advanceTimersByTimeAsync(10_000));
    expect(screen.getByText("Information:")).toBeDefined();
  });

  it("reaches whoever comes back to the page", async () => {
    show("/");
    await screen.findByText(bea.name as string);
    announced(announcement());
    act(() => void document.dispatchEvent(new Event("visibilitychange")));
    await screen.findByText("Information:");
  });

  it("is the page about maintenance while there is some, and the app afterwards with what was typed", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    const user = userEvent.setup({ advanceTimers: (ms) => vi.advanceTimersByTime(ms) });
    show(`/chats/${encodeURIComponent(bea.id)}`);
    await user.type(await screen.findByRole("textbox", { name: /message/i }), "half a thought");
    answers["GET /auth/me"] = () => Response.json({ ...me, maintenance });
    answers["GET /api/status"] = () =>
      Response.json({ error: "We are doing maintenance.", kind: "maintenance" }, { status: 503 });
    act(() => void window.dispatchEvent(new Event("online")));
    await heading("We are doing maintenance");
    screen.getByText(/^It will be over by about .+, your time\.$/);
    screen.getByText("We are moving to faster disks.");
    screen.getByText("stays connected");
    expect(screen.queryByRole("textbox")).toBeNull();

    answers["GET /auth/me"] = () => Response.json(me);
    answers["GET /api/status"] = () => Response.json(status("ready"));
    await seconds(10);
    const box = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: /message/i });
    expect(box.value).toBe("half a thought");
  });

  it("asks ever more seldom whether maintenance is over", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    answers["GET /auth/me"] = () =>
      Response.json({ ...me, maintenance: { ...maintenance, until: null, words: [] } });
    show("/");
    await heading("We are doing maintenance");
    screen.getByText("It takes a little while.");
    const asked = () => requests.filter((one) => one === "GET /auth/me").length;
    const before = asked();
    await seconds(60);
    const first = asked() - before;
    await seconds(60);
    const second = asked() - before - first;
    expect(first).toBeGreaterThan(second);
    expect(second).toBeGreaterThan(0);
    expect(requests.filter((one) => one.includes("/api/") || one.includes("/billing/"))).toEqual([]);
  });

  it("is what a page that shows no workspace learns from any refusal", async () => {
    show("/billing");
    const copy = await screen.findByRole("button", { name: "Make a copy" });
    answers["GET /auth/me"] = () => Response.json({ ...me, maintenance });
    answers["POST /billing/exports"] = () =>
      Response.json({ error: "We are doing maintenance.", kind: "maintenance" }, { status: 503 });
    await userEvent.click(copy);
    await heading("We are doing maintenance");
  });

  it("is told to whoever registers meanwhile, in the form", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["POST /auth/register"] = () =>
      Response.json(
        { error: "We are doing maintenance. Come back later.", kind: "maintenance" },
        { status: 503 },
      );
    show("/register");
    const user = userEvent.setup();
    await user.type(await screen.findByLabelText("E-mail"), "new@example.com");
    await user.type(screen.getByLabelText("Password"), "correct horse battery");
    await user.click(screen.getByRole("button", { name: "Create account" }));
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("Come back later."));
  });
});
