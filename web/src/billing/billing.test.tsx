// @vitest-environment happy-dom
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BillingStatus, Export } from "../api/billing";
import type { Me } from "../api/gateway";
import { appInTest, bill, me, refused } from "../appInTest";
import { momentOf } from "../ui/time";

const { answers, requests, show, heading } = appInTest();
const day = 86_400_000;
const at = (days: number) => new Date(Date.now() + days * day).toISOString();
const press = async (name: string | RegExp) => userEvent.click(await screen.findByRole("button", { name }));
const count = (request: string) => requests.filter((one) => one === request).length;

/** How the account stands, for what asks the gateway and for what asks billing. */
const stands = (status: Partial<BillingStatus>, more: Partial<Me> = {}) => {
  const user = { ...me.user, subscriptionStatus: status.status ?? "active" };
  answers["GET /auth/me"] = () => Response.json({ ...me, ...more, user });
  answers["GET /billing/status"] = () => Response.json({ ...bill, ...status });
};
const unpaid = () =>
  stands(
    { status: "unpaid", slice: "none", customer: false, discounted: false },
    { billing: { enabled: true, payFirst: true }, slice: null },
  );

describe("where payment comes first", () => {
  beforeEach(unpaid);
  const pay = "Continue to payment";

  it("leads from the registration to Checkout, and says before what it costs and what comes", async () => {
    const paying = answers["GET /auth/me"];
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["POST /auth/register"] = () => paying?.() ?? refused(500, "");
    answers["POST /billing/create-checkout"] = () =>
      Response.json({ url: "https://checkout.stripe.example/c/cs_1" }, { status: 201 });
    const assign = vi.spyOn(window.location, "assign").mockImplementation(() => {});
    show("/register");
    await userEvent.type(await screen.findByLabelText("E-mail"), "ann@example.com");
    await userEvent.type(screen.getByLabelText("Password"), "correct horse");
    await press("Create account");
    await heading("One more step to your workspace");
    await screen.findByText("$4.50");
    screen.getByText("$9.00");
    screen.getByText(/cancel at any time/);
    await press(pay);
    await waitFor(() => expect(assign).toHaveBeenCalledWith("https://checkout.stripe.example/c/cs_1"));
    // It is on its way: a second click makes no second page.
    await press("Going to Stripe…");
    expect(requests.filter((one) => one.startsWith("POST /billing/create-checkout"))).toHaveLength(1);
    expect(requests.some((one) => one.includes("/api/"))).toBe(false);
  });

  it("opens again to somebody who comes back by the browser's own way", async () => {
    answers["POST /billing/create-checkout"] = () =>
      Response.json({ url: "https://checkout.stripe.example/c" });
    vi.spyOn(window.location, "assign").mockImplementation(() => {});
    show("/");
    await screen.findByText("$4.50");
    await press(pay);
    await screen.findByRole("button", { name: "Going to Stripe…" });
    act(() => {
      window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    });
    screen.getByRole("button", { name: pay });
  });

  it("puts whoever finds no place on the waiting list, and charges nothing", async () => {
    answers["POST /billing/create-checkout"] = () => {
      const waiting = { since: at(0), position: 4, full: true };
      stands({ status: "unpaid", slice: "waiting" }, { slice: null, waiting });
      return refused(409, "Every workspace is taken.");
    };
    show("/billing");
    await screen.findByText("$4.50");
    await press(pay);
    await heading("We are full at the moment");
    screen.getByText("4");
    screen.getByText(/Nothing is charged meanwhile/);
  });

  it("says why it is refused, and shows no price that it does not know", async () => {
    answers["POST /billing/create-checkout"] = () => refused(502, "Stripe cannot be reached.");
    let settle: (response: Response) => void = () => {};
    answers["GET /billing/status"] = () => new Promise((resolve) => (settle = resolve));
    show("/");
    await heading("One more step to your workspace");
    const button = screen.getByRole("button", { name: pay });
    await userEvent.click(button);
    expect(requests.some((one) => one.startsWith("POST"))).toBe(false);
    await act(async () =>
      settle(Response.json({ ...bill, status: "unpaid", launchPrice: null, discounted: false })),
    );
    await screen.findByText("$9.00");
    expect(document.querySelector("s")).toBeNull();
    await userEvent.click(button);
    expect((await screen.findByRole("alert")).textContent).toBe("Stripe cannot be reached.");
  });
});

describe("coming back from Checkout", () => {
  beforeEach(unpaid);
  const done = "/billing/done?session_id=cs_test_1";
  const asked = 'POST /billing/refresh {"session":"cs_test_1"}';
  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  const title = () => screen.getByRole("heading", { level: 1 }).textContent;
  const becomesPaid = () => {
    stands({}, { slice: { id: 7, status: "assigned", waConnected: false, moving: false } });
    answers["POST /billing/refresh"] = () => Response.json(bill);
    answers["GET /api/chats"] = () => Response.json({ chats: [] });
    answers["GET /api/status"] = () => refused(502, "Your workspace is starting.");
  };

  it("asks at once, and goes on to the phone without any wait", async () => {
    becomesPaid();
    unpaid(); // until Stripe was asked
    answers["POST /billing/refresh"] = () => {
      becomesPaid();
      return Response.json(bill);
    };
    vi.useFakeTimers();
    show(done);
    await pass(0);
    expect(window.location.pathname).toBe("/connect");
    expect(count(asked)).toBe(1);
  });

  it("asks every second until it is paid, through a Stripe that cannot be reached", async () => {
    answers["POST /billing/refresh"] = () => Response.json({ ...bill, status: "unpaid", slice: "none" });
    vi.useFakeTimers();
    show(done);
    await pass(0);
    expect(title()).toBe("Your payment is being confirmed");
    expect(screen.getByRole("link", { name: "Back to billing" }).getAttribute("href")).toBe("/billing");
    expect(count(asked)).toBe(1);
    await pass(3_000);
    expect(count(asked)).toBe(4);
    answers["POST /billing/refresh"] = () => refused(502, "Stripe cannot be reached at the moment.");
    await pass(1_000);
    expect(screen.getByRole("alert").textContent).toMatch(/Stripe cannot be reached.*goes on trying/);
    await pass(2_000);
    expect(count(asked)).toBe(7);
    becomesPaid();
    await pass(1_000);
    expect(window.location.pathname).toBe("/connect");
    const then = requests.length;
    await pass(5_000);
    expect(requests.slice(then).filter((one) => one === asked)).toEqual([]);
  });

  it("does not go on before the gateway knows of the workspace, lest it asks for money again", async () => {
    answers["POST /billing/refresh"] = () => Response.json(bill);
    vi.useFakeTimers();
    show(done);
    await pass(2_000);
    expect(title()).toBe("Your payment is being confirmed");
    becomesPaid();
    await pass(1_000);
    expect(window.location.pathname).toBe("/connect");
  });

  it("says after a while that somebody may not have paid at all", async () => {
    answers["POST /billing/refresh"] = () => Response.json({ ...bill, status: "unpaid", slice: "none" });
    vi.useFakeTimers();
    show(done);
    await pass(0);
    await pass(19_000);
    expect(screen.queryByText(/without paying/)).toBeNull();
    await pass(3_000);
    screen.getByText(/without paying/);
  });

  it("shows the line to somebody who has paid and waits for a workspace", async () => {
    answers["POST /billing/refresh"] = () => {
      stands({ slice: "waiting" }, { slice: null, waiting: { since: at(0), position: 1, full: false } });
      return Response.json({ ...bill, slice: "waiting" });
    };
    show(done);
    await heading("Your private workspace is being prepared");
  });

  it("goes on asking for somebody who is in line for a place, and whose payment is not there yet", async () => {
    answers["POST /billing/refresh"] = () => Response.json({ ...bill, status: "unpaid", slice: "waiting" });
    vi.useFakeTimers();
    show(done);
    await pass(0);
    await pass(3_000);
    expect(title()).toBe("Your payment is being confirmed");
    expect(count(asked)).toBe(4);
  });

  it("leads those back to billing who have linked their phone, or have something to do about the payment", async () => {
    stands({ status: "trial" });
    answers["POST /billing/refresh"] = () => {
      stands({});
      return Response.json(bill);
    };
    show(done);
    await heading("Billing");
    expect(window.location.pathname).toBe("/billing");
    await screen.findByText("Active");
  });

  it("says whose payment it is not, and asks no more", async () => {
    answers["POST /billing/refresh"] = () => refused(403, "This payment is of another account.");
    vi.useFakeTimers();
    show(done);
    await pass(0);
    expect(title()).toBe("That is not a payment of this account");
    expect(screen.getByRole("alert").textContent).toBe("This payment is of another account.");
    await pass(5_000);
    expect(count(asked)).toBe(1);
  });

  it("has those log in first who are not, and comes back here", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    show(done);
    await heading("Log in");
    screen.getByText("Log in to go on: what you have paid is not lost.");
    expect(new URLSearchParams(window.location.search).get("next")).toBe(done);
  });
});

describe("the page about billing", () => {
  it("is reached from the account's menu, and needs no workspace", async () => {
    stands(
      { status: "cancelled", slice: "suspended", deleteAfter: at(6) },
      { slice: { id: 7, status: "suspended", waConnected: false, moving: false } },
    );
    show("/notifications");
    await userEvent.click(await screen.findByRole("button", { name: "Account" }));
    requests.length = 0;
    await userEvent.click(screen.getByRole("link", { name: "Billing" }));
    await heading("Billing");
    await screen.findByText("Nothing is paid for any more");
    expect(requests.filter((one) => one.includes("/api/"))).toEqual([]);
  });

  it("says before a cancellation what happens and offers a copy, and takes it back after", async () => {
    const paidUntil = at(20);
    stands({ paidUntil });
    answers["POST /billing/cancel"] = () => {
      stands({ paidUntil, endsAt: paidUntil });
      return Response.json({ ...bill, paidUntil, endsAt: paidUntil });
    };
    answers["POST /billing/reactivate"] = () => {
      stands({ paidUntil });
      return Response.json({ ...bill, paidUntil });
    };
    show("/billing");
    await press("Cancel the subscription");
    screen.getByText(new RegExp(`works until ${momentOf(paidUntil)}`));
    screen.getByText(/destroyed, and your account with it/);
    const copy = screen.getByRole("link", { name: /Take a copy/ }).getAttribute("href");
    expect(document.querySelector(copy ?? "")?.textContent).toBe("Take a copy");
    expect(requests).not.toContain("POST /billing/cancel");
    await press("Keep it");
    expect(screen.queryByText("What happens then:")).toBeNull();
    await press("Cancel the subscription");
    await press("Cancel the subscription now");
    await screen.findByText("Your subscription is cancelled");
    expect(count("POST /billing/cancel")).toBe(1);
    expect(screen.queryByRole("button", { name: "Cancel the subscription" })).toBeNull();
    await press("Reactivate");
    await screen.findByText("Active");
    expect(count("POST /billing/reactivate")).toBe(1);
  });

  it("says why a cancellation was refused, and leaves all as it is", async () => {
    stands({ paidUntil: at(20) });
    answers["POST /billing/cancel"] = () => refused(502, "Stripe cannot be reached.");
    show("/billing");
    await press("Cancel the subscription");
    await press("Cancel the subscription now");
    expect((await screen.findByRole("alert")).textContent).toBe("Stripe cannot be reached.");
    screen.getByText("Active");
  });

  it("leads somebody whose subscription has ended back through Checkout", async () => {
    stands({ status: "cancelled", deleteAfter: at(6), slice: "suspended" });
    answers["POST /billing/create-checkout"] = () =>
      Response.json({ url: "https://checkout.stripe.example/c" });
    const assign = vi.spyOn(window.location, "assign").mockImplementation(() => {});
    show("/billing");
    await press("Reactivate");
    await waitFor(() => expect(assign).toHaveBeenCalledWith("https://checkout.stripe.example/c"));
  });

  it("leads to what has to be paid or confirmed", async () => {
    stands({ status: "past_due", paidUntil: at(20), graceEndsAt: at(3) });
    const { unmount } = show("/billing");
    expect((await screen.findByRole("link", { name: "Pay, or change the card" })).getAttribute("href")).toBe(
      "/billing/portal",
    );
    unmount();
    stands({ paidUntil: at(20), confirm: "https://pay.example.com/i/1" });
    show("/billing");
    expect((await screen.findByRole("link", { name: "Confirm the payment" })).getAttribute("href")).toBe(
      "https://pay.example.com/i/1",
    );
  });

  it.each([
    ["later", /cannot be opened at the moment/],
    ["none", /no payments of this account/],
  ])("says why the link to Stripe's page led back (%s), once", async (why, words) => {
    const { unmount } = show(`/billing?portal=${why}`);
    expect((await screen.findByRole("alert")).textContent).toMatch(words);
    await waitFor(() => expect(window.location.search).toBe(""));
    screen.getByRole("alert");
    unmount();
    show("/billing?portal=constructor");
    await screen.findByRole("heading", { level: 1, name: "Billing" });
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("sells and takes back storage, and says what that costs", async () => {
    const storage = { ...bill.storage, usedBytes: 4 * 1024 ** 3, extraGB: 3 };
    stands({ storage });
    answers["POST /billing/storage"] = () => {
      stands({ storage: { ...storage, extraGB: 12 } });
      return Response.json({ ...bill, storage: { ...storage, extraGB: 12 } });
    };
    show("/billing");
    const field = await screen.findByLabelText<HTMLInputElement>("Gigabytes more than what is included");
    screen.getByText(/2 GB are included, and 3 GB bought/);
    await userEvent.click(screen.getByRole("button", { name: "Buy more" }));
    await userEvent.clear(field);
    await userEvent.type(field, "1x");
    screen.getByText(/whole number/);
    await userEvent.type(field, "{Enter}");
    expect(requests.some((one) => one.startsWith("POST"))).toBe(false);
    await userEvent.clear(field);
    await userEvent.type(field, "1");
    screen.getByRole("button", { name: "Buy less" });
    screen.getByText(/You use more than that/);
    await userEvent.type(field, "2");
    expect(screen.queryByText(/You use more than that/)).toBeNull();
    screen.getByText(/\$6\.00 a month/);
    await press("Buy more");
    await screen.findByText(/and 12 GB bought/);
    expect(requests).toContain('POST /billing/storage {"gigabytes":12}');
  });

  it.each<[string, Partial<BillingStatus>, RegExp]>([
    ["who is in a trial", { status: "trial", paidUntil: null }, /once you have subscribed/],
    ["who owes", { status: "past_due", paidUntil: at(20) }, /once your payment has gone through/],
    ["who has cancelled", { paidUntil: at(20), endsAt: at(20) }, /once you have taken the cancellation back/],
  ])("sells no storage to somebody %s, and says when it would", async (_, more, words) => {
    stands(more);
    show("/billing");
    await screen.findByText(words);
    expect(screen.queryByLabelText(/Gigabytes/)).toBeNull();
  });

  it("lists invoices as Stripe has them, and asks again when it could not", async () => {
    answers["GET /billing/invoices"] = () => refused(502, "Stripe cannot be reached.");
    show("/billing");
    await screen.findByText("Stripe cannot be reached.");
    const invoice = {
      id: "in_1",
      number: "A1-0001",
      at: "2026-11-03T12:00:00Z",
      amount: "4.50",
      currency: "usd",
    };
    answers["GET /billing/invoices"] = () =>
      Response.json({ invoices: [{ ...invoice, status: "open", url: "https://invoice.stripe.example/i" }] });
    await press("Ask again");
    const row = await screen.findByRole("row", { name: /A1-0001/ });
    expect(row.textContent).toMatch(/2026.*4\.50 USD.*To be paid/);
    expect(within(row).getByRole("link").getAttribute("href")).toBe("https://invoice.stripe.example/i");
  });

  it("asks for no money where none is taken, and says so", async () => {
    stands({ enabled: false, status: "trial", trialEndsAt: at(9), paidUntil: null, customer: false });
    show("/billing");
    await screen.findByText("9 days left in your trial");
    screen.getByText(/takes no payments/);
    expect(document.body.textContent).not.toMatch(/\$|Subscribe|Stripe/);
    expect(requests).not.toContain("GET /billing/invoices");
    screen.getByRole("button", { name: "Make a copy" });
  });

  it("goes on trying by itself when nobody can say how the account stands", async () => {
    vi.useFakeTimers();
    answers["GET /billing/status"] = () => refused(502, "The service is restarting.");
    show("/billing");
    await act(() => vi.advanceTimersByTimeAsync(0));
    screen.getByText(/goes on\s+trying by itself/);
    stands({ paidUntil: at(20) });
    await act(() => vi.advanceTimersByTimeAsync(2_000));
    screen.getByText("Active");
  });

  it("shows nobody what another one's account has", async () => {
    stands({ paidUntil: at(20), status: "past_due" });
    show("/billing");
    await screen.findByText(/did not go through/);
    answers["GET /auth/me"] = () =>
      Response.json({ ...me, user: { ...me.user, id: 2, subscriptionStatus: "active" } });
    answers["GET /billing/status"] = () => new Promise(() => {});
    new BroadcastChannel("session").postMessage("changed");
    await waitFor(() => expect(screen.queryByText(/did not go through/)).toBeNull());
  });
});

describe("copies", () => {
  const copy = (more: Partial<Export>): Export => ({
    id: 5,
    status: "running",
    bytes: 0,
    expected: 0,
    error: null,
    createdAt: at(0),
    readyAt: null,
    expiresAt: null,
    ...more,
  });
  const has = (...exports: Export[]) => {
    answers["GET /billing/exports"] = () => Response.json({ exports });
  };
  afterEach(() => localStorage.clear());

  it("are begun, followed every two seconds while they are made, and downloaded", async () => {
    vi.useFakeTimers();
    const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
    const asked = () => count("GET /billing/exports");
    show("/billing");
    await pass(0);
    await pass(10_000);
    expect(asked()).toBe(1);
    answers["POST /billing/exports"] = () => {
      has(copy({ bytes: 1024 ** 2, expected: 4 * 1024 ** 2 }));
      return Response.json(copy({ status: "waiting" }), { status: 201 });
    };
    await act(async () => screen.getByRole("button", { name: "Make a copy" }).click());
    await pass(0);
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBeNull();
    expect(screen.queryByRole("button", { name: /a copy|new copy/ })).toBeNull();
    await pass(2_000);
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("25");
    screen.getByText(/1 MB of about 4 MB/);
    // More than was expected is not yet all.
    has(copy({ bytes: 5 * 1024 ** 2, expected: 4 * 1024 ** 2 }));
    await pass(2_000);
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("99");
    const expiresAt = at(7);
    has(copy({ status: "ready", bytes: 6 * 1024 ** 2, readyAt: at(0), expiresAt }));
    await pass(2_000);
    const link = screen.getByRole("link", { name: "Download, 6 MB" });
    expect(link.getAttribute("href")).toBe("/billing/exports/5/file");
    screen.getByText(new RegExp(`kept until ${momentOf(expiresAt)}`));
    const then = asked();
    await pass(10_000);
    expect(asked()).toBe(then);
    screen.getByRole("button", { name: "Make a new copy" });
  });

  it("that are under way already are shown to somebody who asks for one more", async () => {
    answers["POST /billing/exports"] = () => {
      has(copy({ bytes: 10, expected: 100 }));
      return refused(409, "A copy is being made already.");
    };
    show("/billing");
    await press("Make a copy");
    await screen.findByRole("progressbar");
    screen.getByText("A copy is being made already.");
  });

  it("that failed say why", async () => {
    has(copy({ status: "failed", error: "Your workspace did not answer." }));
    show("/billing");
    await screen.findByText(/could not be made\. Your workspace did not answer\./);
    screen.getByRole("button", { name: "Make a new copy" });
  });

  it("cannot be made of a workspace that is not there", async () => {
    stands({ slice: "waiting" }, { slice: null, waiting: { since: at(0), position: 1, full: false } });
    show("/billing");
    await screen.findByText(/nothing to be copied yet/);
    expect(screen.queryByRole("button", { name: /copy/ })).toBeNull();
  });

  it("that are ready are announced on every page, until they are known of", async () => {
    has(copy({ status: "ready", bytes: 5, expiresAt: at(3) }));
    const first = show("/notifications");
    const banner = (await screen.findByText("Your copy is ready.")).closest("div") as HTMLElement;
    expect(within(banner).getByRole("link").getAttribute("href")).toBe("/billing/exports/5/file");
    await userEvent.click(within(banner).getByRole("button"));
    expect(screen.queryByText("Your copy is ready.")).toBeNull();
    first.unmount();
    const second = show("/notifications");
    await waitFor(() => expect(count("GET /billing/exports")).toBe(2));
    await act(async () => {});
    expect(screen.queryByText("Your copy is ready.")).toBeNull();
    second.unmount();
    has(copy({ id: 6, status: "ready", bytes: 5, expiresAt: at(3) }));
    show("/notifications");
    await screen.findByText("Your copy is ready.");
  });

  it("that are deleted by now are not announced", async () => {
    has(copy({ status: "ready", bytes: 5, expiresAt: at(-1) }), copy({ id: 4, status: "deleted" }));
    show("/notifications");
    await waitFor(() => expect(count("GET /billing/exports")).toBe(1));
    await act(async () => {});
    expect(screen.queryByText("Your copy is ready.")).toBeNull();
  });
});

it("says over every page what of the account cannot wait, with the way to it, and not on its own page", async () => {
  stands({ status: "past_due", paidUntil: at(20), graceEndsAt: at(3) });
  show("/notifications");
  const news = await screen.findByText("Your payment did not go through.");
  const banner = news.closest("p") as HTMLElement;
  await userEvent.click(within(banner).getByRole("link", { name: "Look at it" }));
  await heading("Billing");
  expect(document.querySelector(".banner")).toBeNull();
});

const suspended = { slice: { id: 7, status: "suspended", waConnected: false, moving: false } } as const;
const noStripe = { billing: { enabled: false, payFirst: false } };

it.each<[string, Partial<BillingStatus>, Partial<Me>, RegExp[], string | null]>([
  [
    "was not paid for",
    { status: "past_due", paidUntil: at(20), graceEndsAt: at(-1) },
    {},
    [/last payment did not go through/, /goes on from where it was/],
    "See to the payment",
  ],
  [
    "was cancelled",
    { status: "cancelled", deleteAfter: "2027-01-05T12:00:00Z" },
    {},
    [
      /Nothing is paid for it any more/,
      /January 5, 2027.*destroyed|5 January 2027.*destroyed/,
      /your account with it/,
      /come back/,
    ],
    "Come back, or take a copy",
  ],
  [
    "was tried",
    { status: "cancelled", customer: false, deleteAfter: at(6) },
    {},
    [/trial is over/, /come back/],
    "Come back, or take a copy",
  ],
  [
    "was tried where nothing can be paid",
    { enabled: false, status: "cancelled", customer: false, deleteAfter: at(6) },
    noStripe,
    [/trial is over/, /To go on, write to us before then/],
    "Take a copy",
  ],
  [
    "is disputed",
    { paidUntil: at(20), held: true },
    {},
    [/payment of yours is disputed/, /write to us/],
    "See how it stands",
  ],
  ["is paused by the operator", { paidUntil: at(20) }, {}, [/ask why it is paused, write to us/], null],
])(
  "tells why a workspace is paused that %s, and leads to what can be done",
  async (_, status, more, words, label) => {
    stands({ slice: "suspended", ...status }, { ...suspended, ...more });
    show("/");
    await heading("Your workspace is paused");
    await waitFor(() => {
      for (const said of words) expect(document.querySelector(".panel")?.textContent).toMatch(said);
    });
    const link = document.querySelector(".panel a.button");
    expect(link?.textContent ?? null).toBe(label);
    if (link) expect(link.getAttribute("href")).toBe("/billing");
  },
);

it.each<[Partial<BillingStatus>, string]>([
  [{ status: "past_due", paidUntil: null, graceEndsAt: at(3) }, "Your trial is over"],
  [{ status: "past_due", paidUntil: at(20), graceEndsAt: at(3) }, "The last payment did not go through"],
  [{ status: "cancelled" }, "Not paid any more"],
  [{ status: "active", paidUntil: at(20) }, "Subscription active"],
  [{ status: "unpaid", paidUntil: null }, "Not paid yet"],
])("says in the account's menu how it stands: %j", async (status, words) => {
  stands(status);
  show("/notifications");
  await screen.findByText(words, { selector: ".account-plan" });
});
