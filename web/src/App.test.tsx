// @vitest-environment happy-dom
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Message, Qr, Status } from "./api/slice";
import { appInTest, bea, hello, me, refused, StreamInTest, status } from "./appInTest";

describe("App", () => {
  const { answers, requests, show, heading } = appInTest();
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
  const logIn = async (user: ReturnType<typeof userEvent.setup>) => {
    await user.type(screen.getByLabelText("E-mail"), "ann@example.com");
    await user.type(screen.getByLabelText("Password"), "correct horse");
    await user.click(screen.getByRole("button", { name: "Log in" }));
  };

  it("asks who is not logged in to log in, and comes back to where they pointed", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["POST /auth/login"] = () => Response.json(me);
    show("/chats/15550100001%40c.us");
    await heading("Log in");
    expect(window.location.pathname).toBe("/login");
    await logIn(userEvent.setup());
    await heading("Bea Blum");
    expect(window.location.pathname).toBe("/chats/15550100001%40c.us");
    expect(requests).toContain('POST /auth/login {"email":"ann@example.com","password":"correct horse"}');
  });

  const conversation = `GET /api/chats/${encodeURIComponent(bea.id)}/messages`;
  const withFile = (more: Partial<Message>): Message => ({ ...hello, text: "", ...more });
  const file = (state: "stored" | "over_quota" | "too_large" | "gone" | "pending") =>
    ({ state, mimeType: "application/pdf", fileName: "offer.pdf", bytes: 1_887_436 }) as const;

  it("shows files, and says in words why one is not here", async () => {
    const messages = [
      withFile({
        id: "a",
        kind: "image",
        media: { ...file("stored"), mimeType: "image/png", fileName: null },
      }),
      withFile({ id: "b/1", kind: "document", media: file("stored") }),
      withFile({ id: "c", kind: "document", media: file("over_quota") }),
      withFile({ id: "d", kind: "document", media: file("too_large") }),
      withFile({ id: "e", kind: "document", media: file("gone") }),
      withFile({ id: "f", kind: "document", media: file("pending") }),
    ];
    answers[conversation] = () => Response.json({ messages, before: null });
    show("/chats/15550100001%40c.us");
    expect((await screen.findByAltText(/Bea Blum/)).getAttribute("src")).toBe("/api/messages/a/media");
    const link = screen.getByRole("link", { name: /offer\.pdf/ });
    expect(link.getAttribute("href")).toBe("/api/messages/b%2F1/media");
    expect(link.textContent).toContain("1.8 MB");
    screen.getByText(/your storage is full/);
    screen.getByText(/Too large to keep here/);
    screen.getByText(/no longer here/);
    screen.getByText(/Being downloaded/);
  });

  it("asks before it deletes a file, and says then that it is gone", async () => {
    const stored = withFile({ id: "b", kind: "document", media: file("stored") });
    answers[conversation] = () => Response.json({ messages: [stored], before: null });
    answers["DELETE /api/messages/b/media"] = () => {
      const gone = { ...stored, media: file("gone") };
      answers[conversation] = () => Response.json({ messages: [gone], before: null });
      return Response.json(gone);
    };
    show("/chats/15550100001%40c.us");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Delete the file" }));
    expect(requests).not.toContain("DELETE /api/messages/b/media");
    await user.click(screen.getByRole("button", { name: "Delete" }));
    await screen.findByText(/no longer here/);
  });

  it("stages files, refuses one that is too large, and lets one be taken back", async () => {
    show("/chats/15550100001%40c.us");
    const picker = await screen.findByLabelText("Files to attach");
    const large = new File(["x"], "film.mp4", { type: "video/mp4" });
    Object.defineProperty(large, "size", { value: 60 * 2 ** 20 + 1 });
    const user = userEvent.setup();
    await user.upload(picker, [new File(["%PDF-"], "offer.pdf"), large]);
    screen.getByText("offer.pdf");
    expect(screen.queryByText("film.mp4")).toBeNull();
    expect(screen.getByRole("alert").textContent).toMatch(/film\.mp4 is too large: .* 60 MB/);
    expect(screen.getByRole("button", { name: "Send" }).getAttribute("aria-disabled")).toBe("false");
    await user.click(screen.getByRole("button", { name: "Do not send offer.pdf" }));
    expect(screen.getByRole("button", { name: "Send" }).getAttribute("aria-disabled")).toBe("true");
  });

  it("says why many messages wait", async () => {
    const waiting = [1, 2, 3].map((n) => ({ ...hello, id: `w${n}`, fromMe: true, ack: "pending" as const }));
    answers[conversation] = () => Response.json({ messages: waiting, before: null });
    show("/chats/15550100001%40c.us");
    await screen.findByText(/3 messages wait for their turn/);
  });

  it("warns of storage that is almost full, and leads to where room is made", async () => {
    const storage = { usedBytes: 2_040_109_466, quotaBytes: 2 ** 31, level: "warning" } as const;
    answers["GET /api/status"] = () => Response.json(status("ready", { storage }));
    show("/");
    await screen.findByText("Your storage is almost full.");
    await userEvent.setup().click(screen.getByRole("link", { name: "Make room" }));
    await heading("Your data");
    screen.getByText("1.9 GB");
    screen.getByText(/of 2 GB/);
    expect(requests.filter((request) => request === "GET /api/status")).toHaveLength(2);
    StreamInTest.emit("status", status("ready", { storage: { ...storage, level: "full" } }));
    await screen.findByText("Your storage is full.");
  });

  it("destroys everything only after the word was typed", async () => {
    answers["DELETE /api/data"] = () => Response.json(status("logged_out"));
    show("/data");
    await heading("Your data");
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: "Delete everything" }));
    expect(requests.filter((request) => request.startsWith("DELETE"))).toEqual([]);
    answers["GET /api/status"] = () => Response.json(status("logged_out"));
    answers["GET /api/chats"] = () => Response.json({ chats: [] });
    await user.type(screen.getByLabelText("Type DELETE to confirm"), "DELETE");
    await user.click(screen.getByRole("button", { name: "Delete everything" }));
    await heading("WhatsApp was unlinked");
    expect(requests).toContain('DELETE /api/data {"confirm":"DELETE"}');
  });

  it("links by a code that is typed on the phone", async () => {
    const qr: Qr = { code: "q", index: 1, of: 5, expiresAt: new Date(Date.now() + 60_000).toISOString() };
    answers["GET /api/status"] = () => Response.json(status("qr"));
    answers["GET /api/chats"] = () => Response.json({ chats: [] });
    answers["GET /api/qr"] = () => Response.json(qr);
    answers["POST /api/connection/pairing-code"] = () =>
      Response.json({ code: "ABCD1234", phoneNumber: "+15550100001", expiresAt: qr.expiresAt });
    show("/connect/link");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: /phone number instead/ }));
    await user.type(screen.getByLabelText("The number of your WhatsApp"), "+1 555 010 0001");
    await user.click(screen.getByRole("button", { name: "Get a code" }));
    await screen.findByText("ABCD-1234");
    expect(requests).toContain('POST /api/connection/pairing-code {"phoneNumber":"+1 555 010 0001"}');
    // A new picture must not take the code away.
    StreamInTest.emit("qr", { ...qr, index: 2 });
    screen.getByText("ABCD-1234");
  });

  it("shows the inbox of a slice whose image is older than the app", async () => {
    const { standIn: _, storage: __, snapshotAt: ___, ...older } = status("ready");
    answers["GET /api/status"] = () => Response.json({ ...older, engine: "simulated" });
    show("/");
    await screen.findByText("Hello there");
    screen.getByText("Simulated phone:");
    StreamInTest.emit("status", older as Status);
    await heading("Inbox");
  });

  it("has words of its own for a passkey and for a block", async () => {
    answers["GET /api/status"] = () => Response.json(status("passkey"));
    show("/connect");
    await heading("WhatsApp asks for a passkey");
    StreamInTest.emit("status", status("restricted", { reason: "tos_block" }));
    await heading("WhatsApp has blocked this number");
    screen.getByText(/Do not link the phone again and again/);
  });

  it("shows the server's sentence for a wrong password and keeps what was typed", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["POST /auth/login"] = () => refused(401, "The e-mail address or the password is wrong.");
    show("/login");
    await heading("Log in");
    await logIn(userEvent.setup());
    expect((await screen.findByRole("alert")).textContent).toBe(
      "The e-mail address or the password is wrong.",
    );
    expect(screen.getByLabelText<HTMLInputElement>("E-mail").value).toBe("ann@example.com");
  });

  it("holds the form closed for as long as the server says after too many tries", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["POST /auth/login"] = () => refused(429, "Too many tries.", { "Retry-After": "12" });
    show("/login");
    await heading("Log in");
    const user = userEvent.setup();
    await logIn(user);
    await user.click(await screen.findByRole("button", { name: "Try again in 12 s" }));
    expect(requests.filter((request) => request.startsWith("POST"))).toHaveLength(1);
  });

  it("tells all that is wrong with a new account before it asks the server", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    show("/register");
    await heading("Create an account");
    const user = userEvent.setup();
    await user.type(screen.getByLabelText("Password"), "short");
    await user.click(screen.getByRole("button", { name: "Create account" }));
    const summary = await screen.findByRole("alert");
    expect(document.activeElement).toBe(summary);
    expect(requests.some((request) => request.startsWith("POST"))).toBe(false);
    await user.click(within(summary).getByRole("link", { name: /5 of the 10/ }));
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
  });

  it("shows and hides the password", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    show("/register");
    await heading("Create an account");
    const password = screen.getByLabelText<HTMLInputElement>("Password");
    expect([password.type, password.autocomplete]).toEqual(["password", "new-password"]);
    await userEvent.click(screen.getByRole("button", { name: "Show password" }));
    expect(password.type).toBe("text");
  });

  it("has somebody wait for a workspace, and goes on by itself when there is one", async () => {
    vi.useFakeTimers();
    answers["GET /auth/me"] = () =>
      Response.json({ ...me, slice: null, waiting: { since: ago(61), position: 1, full: false } });
    show("/");
    await act(() => vi.advanceTimersByTimeAsync(1_000));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toMatch(/being prepared/);
    expect(screen.getByRole("timer").textContent).toMatch(/^1:0[1-3]$/);
    expect(requests.some((request) => request.includes("/api/"))).toBe(false);
    answers["GET /auth/me"] = () => Response.json(me);
    await act(() => vi.advanceTimersByTimeAsync(2_000));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Inbox");
  });

  it("does not count the days on the waiting list as time that the preparing takes", async () => {
    answers["GET /auth/me"] = () =>
      Response.json({ ...me, slice: null, waiting: { since: ago(200_000), position: 1, full: false } });
    show("/");
    await heading(/being prepared/);
    expect(screen.getByRole("timer").textContent).toMatch(/^0:0[0-2]$/);
    screen.getByText(/mostly takes a minute or two/);
  });

  it("says that all places are taken, which place in the line is theirs, and goes on by itself", async () => {
    vi.useFakeTimers();
    const waits = (position: number) => () =>
      Response.json({ ...me, slice: null, waiting: { since: ago(90), position, full: true } });
    const asked = () => requests.filter((request) => request === "GET /auth/me").length;
    answers["GET /auth/me"] = waits(12);
    show("/");
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("We are full at the moment");
    const position = screen.getByText(/You are number/);
    expect(position.textContent).toBe("You are number 12 on the list");
    expect(position.getAttribute("aria-live")).toBe("polite");
    expect(screen.getByText(/We write to/).textContent).toContain("ann@example.com");
    screen.getByText(/first come, first served/);
    screen.getByText(/trial .* begins once you have your workspace/);
    expect(screen.queryByRole("link", { name: "Your data", hidden: true })).toBeNull();
    answers["GET /auth/me"] = waits(1);
    await act(() => vi.advanceTimersByTimeAsync(29_000));
    expect(asked()).toBe(1);
    await act(() => vi.advanceTimersByTimeAsync(1_000));
    expect(asked()).toBe(2);
    expect(position.textContent).toMatch(/number 1 on the list.*next free place is yours/);
    answers["GET /auth/me"] = () => Response.json(me);
    // Who comes back to the page need not wait for the next turn.
    document.dispatchEvent(new Event("visibilitychange"));
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Inbox");
  });

  it("tells before anything is typed that there is a waiting list, and how long it is", async () => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["GET /auth/places"] = () => Response.json({ full: true, waiting: 12 });
    show("/register");
    const notice = await screen.findByText(/Every workspace is taken/);
    const box = screen.getByRole("status");
    expect(box.contains(notice)).toBe(true);
    expect(box.textContent).toMatch(/join the waiting list: 12 people are before you, first come/);
    expect(box.compareDocumentPosition(screen.getByLabelText("E-mail"))).toBe(
      Node.DOCUMENT_POSITION_FOLLOWING,
    );
    expect(screen.queryByText(/within a minute/)).toBeNull();
  });

  it.each([
    [0, "nobody is before you"],
    [1, "one person is before you"],
  ])("has words for a waiting list with %d on it", async (waiting, words) => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["GET /auth/places"] = () => Response.json({ full: true, waiting });
    show("/register");
    await screen.findByText(new RegExp(words));
  });

  it.each([
    ["there is room", () => Response.json({ full: false, waiting: 0 })],
    ["nobody knows whether there is room", () => refused(502, "Down.")],
  ])("adds nothing to the form for a new account when %s", async (_, places) => {
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["GET /auth/places"] = places;
    show("/register");
    await heading("Create an account");
    await waitFor(() => expect(requests).toContain("GET /auth/places"));
    await act(async () => {});
    // Not even a space: the style takes an empty one out of the layout.
    expect(screen.getByRole("status").childNodes).toHaveLength(0);
    expect(screen.queryByRole("alert")).toBeNull();
    screen.getByText(/within a minute/);
  });

  describe("with a contact address", () => {
    const contact = document.createElement("meta");
    contact.name = "contact";
    contact.content = "help@example.com";
    beforeEach(() => document.head.append(contact));
    afterEach(() => contact.remove());

    it.each([
      ["deleted", { ...me, slice: null }, "Your workspace has been deleted"],
      ["suspended", { ...me, slice: { ...me.slice, status: "suspended" } }, "Your workspace is paused"],
    ])("says whom to ask about a workspace that is %s", async (_, answer, words) => {
      answers["GET /auth/me"] = () => Response.json(answer);
      show("/");
      await heading(words);
      expect(screen.getByRole("link", { name: "help@example.com" }).getAttribute("href")).toBe(
        "mailto:help@example.com",
      );
    });
  });

  it("says of a deleted workspace what is gone and what is left to do, and lets its owner log out", async () => {
    answers["GET /auth/me"] = () => Response.json({ ...me, slice: null });
    show("/chats/15550100001%40c.us");
    await heading("Your workspace has been deleted");
    screen.getByText(/gone for good/);
    screen.getByText("Linked devices");
    screen.getByText(/write to us\./);
    expect(requests.some((request) => request.includes("/api/"))).toBe(false);
    await userEvent.click(screen.getByRole("button", { name: "Log out" }));
    await heading("Log in");
    expect(requests).toContain("POST /auth/logout");
  });

  it("says why logging out did not work, on the page itself", async () => {
    answers["GET /auth/me"] = () => Response.json({ ...me, slice: null });
    answers["POST /auth/logout"] = () => refused(502, "The service is restarting.");
    show("/");
    await heading("Your workspace has been deleted");
    await userEvent.click(screen.getByRole("button", { name: "Log out" }));
    expect((await screen.findByRole("alert")).textContent).toBe("The service is restarting.");
  });

  it("follows a workspace that is being deleted to its end", async () => {
    vi.useFakeTimers();
    answers["GET /auth/me"] = () => Response.json({ ...me, slice: { ...me.slice, status: "destroying" } });
    show("/");
    await act(() => vi.advanceTimersByTimeAsync(0));
    const words = () => screen.getByRole("heading", { level: 1 });
    expect(words().textContent).toBe("Your workspace is being deleted");
    answers["GET /auth/me"] = () => Response.json({ ...me, slice: null });
    await act(() => vi.advanceTimersByTimeAsync(2_000));
    expect(words().textContent).toBe("Your workspace has been deleted");
    expect(document.activeElement).toBe(words());
    expect(requests.some((request) => request.includes("/api/"))).toBe(false);
  });

  it.each([
    ["suspended", /no new ones come in while it is paused/, "Your workspace is paused", 5_000],
    ["failed", /stopped several times in a short time/, "Your workspace could not be started", 30_000],
    ["moving", /Nothing is lost/, /being moved to another place/, 2_000],
  ])(
    "has words of its own for a workspace that is %s, and goes on by itself",
    async (state, text, words, pause) => {
      vi.useFakeTimers();
      const slice = state === "moving" ? { ...me.slice, moving: true } : { ...me.slice, status: state };
      answers["GET /auth/me"] = () => Response.json({ ...me, slice });
      show("/");
      await act(() => vi.advanceTimersByTimeAsync(0));
      expect(screen.getByRole("heading", { level: 1 }).textContent).toMatch(words);
      screen.getByText(text);
      expect(screen.queryByText(/paid/)).toBeNull();
      expect(requests.some((request) => request.includes("/api/"))).toBe(false);
      answers["GET /auth/me"] = () => Response.json(me);
      await act(() => vi.advanceTimersByTimeAsync(pause));
      expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Inbox");
    },
  );

  it.each(["assigned", "suspended", "failed", "destroying"])(
    "speaks of the move first when a workspace is %s as well",
    async (state) => {
      answers["GET /auth/me"] = () =>
        Response.json({ ...me, slice: { ...me.slice, status: state, moving: true } });
      show("/");
      await heading(/being moved to another place/);
    },
  );

  it("asks in an open inbox whether the workspace is being moved when it stays away", async () => {
    vi.useFakeTimers();
    show("/");
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Inbox");
    answers["GET /auth/me"] = () => Response.json({ ...me, slice: { ...me.slice, moving: true } });
    answers["GET /api/status"] = () => refused(502, "Your workspace does not answer.");
    window.dispatchEvent(new Event("online"));
    await act(() => vi.advanceTimersByTimeAsync(500));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Inbox");
    await act(() => vi.advanceTimersByTimeAsync(7_000));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toMatch(/being moved to another place/);
  });

  it("says that the trial has not begun to somebody who waits for a workspace", async () => {
    const waiting = { since: ago(5), position: 3, full: true };
    answers["GET /auth/me"] = () => Response.json({ ...me, slice: null, waiting });
    show("/");
    await heading("We are full at the moment");
    screen.getByText("Your trial begins with your workspace");
  });

  it("lands in the inbox when linked, with what is unread in the title", async () => {
    show("/");
    await heading("Inbox");
    await waitFor(() => expect(document.title).toBe("(2) Inbox · Brandname"));
    expect(screen.getByRole("link", { name: /Bea Blum.*Hello there.*2 unread/ })).toBeTruthy();
  });

  it("goes to the linking when there is nothing but a phone to link", async () => {
    answers["GET /api/status"] = () => Response.json(status("starting"));
    answers["GET /api/chats"] = () => Response.json({ chats: [] });
    show("/");
    await heading("Link your WhatsApp");
    expect(window.location.pathname).toBe("/connect");
  });

  it("follows the linking by events, from the code to the inbox", async () => {
    answers["GET /api/status"] = () => Response.json(status("starting"));
    answers["GET /api/chats"] = () => Response.json({ chats: [] });
    show("/connect/link");
    await heading("Setting things up");

    const code: Qr = {
      code: "2@abc",
      index: 2,
      of: 6,
      expiresAt: new Date(Date.now() + 20_000).toISOString(),
    };
    // The page is drawn before it listens.
    await waitFor(() => expect(StreamInTest.all).not.toHaveLength(0));
    StreamInTest.emit("status", status("qr"));
    StreamInTest.emit("qr", code);
    await heading("Scan this code with your phone");
    expect(screen.getByText("Code 2 of 6")).toBeTruthy();
    expect(screen.getByRole("timer").textContent).toMatch(/^Renews in (19|20) s$/);
    expect(screen.queryByRole("button", { name: /simulated/ })).toBeNull();

    StreamInTest.emit("status", status("authenticated"));
    await heading("Linked. Now syncing");
    StreamInTest.emit("sync", { contacts: 42, chats: 7, done: false });
    expect(screen.getByText("Contacts").nextSibling?.textContent).toBe("42");

    answers["GET /api/status"] = () => Response.json(status("ready"));
    answers["GET /api/chats"] = () => Response.json({ chats: [bea] });
    StreamInTest.emit("status", status("ready"));
    await heading("WhatsApp is connected");
    await userEvent.click(screen.getByRole("link", { name: "Go to the inbox" }));
    await heading("Inbox");
    expect(screen.getByRole("link", { name: /Bea Blum/ })).toBeTruthy();
  });

  it("offers to start over when setting up takes 90 seconds", async () => {
    vi.useFakeTimers();
    answers["GET /api/status"] = () => Response.json(status("starting"));
    answers["GET /api/chats"] = () => Response.json({ chats: [] });
    answers["POST /api/connection/restart"] = () => refused(409, "It is restarting already.");
    show("/connect/link");
    // The page is drawn, and its clock started, at the end of an act only.
    await act(() => vi.advanceTimersByTimeAsync(0));
    await act(() => vi.advanceTimersByTimeAsync(88_000));
    expect(screen.queryByRole("button", { name: "Start over" })).toBeNull();
    await act(() => vi.advanceTimersByTimeAsync(4_000));
    screen.getByRole("button", { name: "Start over" }).click();
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(screen.getByRole("alert").textContent).toBe("It is restarting already.");
  });

  it.each([
    ["restricted", "WhatsApp restricts this number", "Try again"],
    ["logged_out", "WhatsApp was unlinked", "Link again"],
    ["failed", "WhatsApp could not start", "Start over"],
    ["disconnected", "WhatsApp is disconnected", "Link again"],
  ] as const)("has words and an act for %s", async (state, words, act) => {
    answers["GET /api/status"] = () => Response.json(status(state));
    answers["POST /api/connection/restart"] = () => Response.json({}, { status: 202 });
    show("/connect");
    await heading(words);
    await userEvent.click(screen.getByRole("button", { name: act }));
    expect(requests).toContain("POST /api/connection/restart");
    expect(window.location.pathname).toBe("/connect/link");
  });

  it("says on every page when the phone is simulated, and can scan with it", async () => {
    answers["GET /api/status"] = () => Response.json(status("qr", { engine: "simulated", standIn: true }));
    answers["GET /api/qr"] = () =>
      Response.json({ code: "2@x", index: 1, of: 6, expiresAt: new Date(Date.now() + 9_000).toISOString() });
    answers["POST /api/simulated/scan"] = () => Response.json({});
    show("/connect/link");
    await userEvent.click(await screen.findByRole("button", { name: "Scan with the simulated phone" }));
    expect(requests).toContain("POST /api/simulated/scan");
    expect(screen.getByRole("note").textContent).toContain("no real WhatsApp");
  });

  it("shows new messages of an open chat as they come, and marks it as read", async () => {
    show("/chats/15550100001%40c.us");
    await heading("Bea Blum");
    const messages = await screen.findByRole("region", { name: "Messages with Bea Blum" });
    await waitFor(() => expect(requests).toContain(`POST /api/chats/${encodeURIComponent(bea.id)}/read`));
    StreamInTest.emit("message", { ...hello, id: "m2", text: "Are you there?" });
    expect(within(messages).getByText("Are you there?")).toBeTruthy();
  });

  it("sends with Enter and makes a new line with Shift and Enter", async () => {
    answers["POST /api/messages"] = () =>
      Response.json({ ...hello, id: "m3", fromMe: true, text: "One\nTwo", ack: "pending" }, { status: 202 });
    show("/chats/15550100001%40c.us");
    const box = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Message to Bea Blum" });
    await userEvent.type(box, "One{Shift>}{Enter}{/Shift}Two{Enter}");
    expect(requests).toContain(`POST /api/messages ${JSON.stringify({ to: bea.id, text: "One\nTwo" })}`);
    expect(box.value).toBe("");
    StreamInTest.emit("message_ack", { id: "m3", chatId: bea.id, ack: "read" });
    const messages = screen.getByRole("region", { name: "Messages with Bea Blum" });
    expect(within(messages).getByText(/^Read/)).toBeTruthy();
  });

  it("lets nothing be sent while WhatsApp is not connected, and says why", async () => {
    answers["GET /api/status"] = () => Response.json(status("disconnected", { phoneNumber: "+15550100000" }));
    show("/chats/15550100001%40c.us");
    const box = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Message to Bea Blum" });
    await userEvent.type(box, "Hi{Enter}");
    expect(requests.some((request) => request.startsWith("POST /api/messages"))).toBe(false);
    expect(box.value).toBe("Hi");
    expect(screen.getByText(/nothing can be sent now/)).toBeTruthy();
    expect(within(screen.getByRole("status", { name: "Connection" })).getByRole("link").textContent).toBe(
      "WhatsApp: Disconnected",
    );
  });

  it("starts a chat with a number, and refuses what is none", async () => {
    answers["POST /api/messages"] = () =>
      Response.json({ ...hello, id: "m4", fromMe: true, ack: "pending" }, { status: 202 });
    show("/new");
    await heading("New message");
    const user = userEvent.setup();
    await user.type(screen.getByLabelText("Message"), "Hi");
    await user.type(screen.getByLabelText("To"), "somebody");
    await user.click(screen.getByRole("button", { name: "Send message" }));
    expect((await screen.findByRole("alert")).textContent).toMatch(/whole number/);
    await user.clear(screen.getByLabelText("To"));
    await user.type(screen.getByLabelText("To"), "+1 555 010 0001");
    await user.click(screen.getByRole("button", { name: "Send message" }));
    await heading("Bea Blum");
    expect(requests).toContain('POST /api/messages {"to":"+1 555 010 0001","text":"Hi"}');
  });

  it("says that the workspace restarts while it does not answer", async () => {
    answers["GET /api/status"] = () => refused(502, "Your workspace does not answer.");
    show("/");
    await heading("Your workspace is restarting");
    answers["GET /api/status"] = () => Response.json(status("ready"));
    await userEvent.click(screen.getByRole("button", { name: "Try now" }));
    await heading("Inbox");
  });

  it("goes to the login when an answer says that the session is over", async () => {
    show("/chats/15550100001%40c.us");
    await heading("Bea Blum");
    answers["GET /auth/me"] = () => refused(401, "Not authenticated");
    answers["POST /api/messages"] = () => refused(401, "Not authenticated");
    await userEvent.type(screen.getByRole("textbox", { name: "Message to Bea Blum" }), "Hi{Enter}");
    await heading("Log in");
    expect(new URLSearchParams(window.location.search).get("next")).toBe("/chats/15550100001%40c.us");
    expect(StreamInTest.all.every(({ readyState }) => readyState === 2)).toBe(true);
  });

  it("logs out to a plain login page, which leads whoever comes next home", async () => {
    show("/chats/15550100001%40c.us");
    await heading("Bea Blum");
    await userEvent.click(screen.getByRole("button", { name: "Account" }));
    expect(screen.getByText("ann@example.com")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Log out" }));
    await heading("Log in");
    await waitFor(() => expect(window.location.pathname + window.location.search).toBe("/login"));
  });

  it("keeps somebody whose server is down out of the login, and goes on by itself", async () => {
    vi.useFakeTimers();
    answers["GET /auth/me"] = () => refused(502, "Down.");
    show("/");
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toMatch(/can’t be reached/);
    answers["GET /auth/me"] = () => Response.json(me);
    await act(() => vi.advanceTimersByTimeAsync(5_000));
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Inbox");
  });

  it("has a page for addresses that are none", async () => {
    show("/chats/a/b");
    await heading("There is no such page");
  });

  it("stands in with a page that helps when one breaks", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    answers["GET /api/chats"] = () =>
      Response.json({ chats: [{ ...bea, lastMessage: { ...hello, at: "never" } }] });
    show("/");
    expect(await screen.findByRole("button", { name: "Load the page again" })).toBeTruthy();
  });
});
