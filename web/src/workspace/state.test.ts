import { describe, expect, it } from "vitest";
import type { Chat, Message, Qr, Status } from "../api/slice";
import { connectionWords, mustLink } from "./connection";
import { applyEvent, initialState, sortChats, type WorkspaceState, withConversation } from "./state";

const status = (state: Status["state"], more: Partial<Status> = {}): Status => ({
  state,
  reason: null,
  phoneNumber: null,
  uptime: 1,
  since: null,
  lastEventAt: null,
  engine: "simulated",
  standIn: false,
  storage: { usedBytes: 0, quotaBytes: 2_000_000_000, level: "ok" },
  snapshotAt: null,
  ...more,
});
const qr: Qr = { code: "2@x", index: 2, of: 6, expiresAt: "2026-03-01T10:00:20Z" };
const message = (id: string, chatId: string, minute: number, more: Partial<Message> = {}): Message => ({
  id,
  chatId,
  fromMe: false,
  kind: "text",
  media: null,
  author: null,
  text: id,
  at: `2026-03-01T10:${String(minute).padStart(2, "0")}:00Z`,
  ack: null,
  ...more,
});
const chat = (id: string, lastMessage: Message | null = null, unread = 0): Chat => ({
  id,
  name: id,
  phoneNumber: null,
  unread,
  lastMessage,
});
const withChats = (...chats: Chat[]): WorkspaceState => ({ ...initialState, chats });
const names = (state: WorkspaceState) => state.chats?.map(({ name }) => name);

describe("applyEvent", () => {
  it("forgets the code once it is scanned", () => {
    const scanning = applyEvent({ ...initialState, status: status("qr") }, { name: "qr", data: qr });
    expect(scanning.qr).toEqual(qr);
    expect(applyEvent(scanning, { name: "status", data: status("qr") }).qr).toEqual(qr);
    expect(applyEvent(scanning, { name: "status", data: status("authenticated") }).qr).toBeNull();
  });

  it("keeps the counts of a sync until the link is lost", () => {
    const sync = { contacts: 5, chats: 2, done: false };
    const syncing = applyEvent(
      { ...initialState, status: status("authenticated") },
      { name: "sync", data: sync },
    );
    expect(applyEvent(syncing, { name: "status", data: status("ready") }).sync).toEqual(sync);
    expect(applyEvent(syncing, { name: "status", data: status("logged_out") }).sync).toBeNull();
  });

  it("moves a chat to the top when a message comes, and shows the message", () => {
    const state = withChats(chat("a", message("a1", "a", 5)), chat("b", message("b1", "b", 4)));
    const after = applyEvent(state, { name: "message", data: message("b2", "b", 6) });
    expect(names(after)).toEqual(["b", "a"]);
    expect(after.chats?.[0]?.lastMessage?.id).toBe("b2");
  });

  it("does not show an older message as the newest of its chat", () => {
    const state = withChats(chat("a", message("a2", "a", 5)));
    const after = applyEvent(state, { name: "message", data: message("a1", "a", 4) });
    expect(after.chats?.[0]?.lastMessage?.id).toBe("a2");
  });

  it("adds to an opened conversation and makes none for the others", () => {
    const opened = withConversation(withChats(chat("a"), chat("b")), "a", (known) => known);
    const after = [message("a1", "a", 1), message("b1", "b", 2)].reduce(
      (state, data) => applyEvent(state, { name: "message", data }),
      opened,
    );
    expect(after.conversations.get("a")?.messages.map(({ id }) => id)).toEqual(["a1"]);
    expect(after.conversations.has("b")).toBe(false);
  });

  it("marks acks in the conversation and in the list, never going back", () => {
    const mine = message("a1", "a", 1, { fromMe: true, ack: "sent" });
    const state = withConversation(withChats(chat("a", mine)), "a", (known) => ({
      ...known,
      messages: [mine],
    }));
    const ack = (to: "delivered" | "read") => ({
      name: "message_ack" as const,
      data: { id: "a1", chatId: "a", ack: to },
    });
    const after = applyEvent(applyEvent(state, ack("read")), ack("delivered"));
    expect(after.conversations.get("a")?.messages[0]?.ack).toBe("read");
    expect(after.chats?.[0]?.lastMessage?.ack).toBe("read");
  });

  it("adds a chat that is new, and replaces one that is known", () => {
    const state = withChats(chat("a", message("a1", "a", 1)));
    const added = applyEvent(state, { name: "chat", data: chat("b", message("b1", "b", 2), 1) });
    expect(names(added)).toEqual(["b", "a"]);
    const read = applyEvent(added, { name: "chat", data: chat("b", message("b1", "b", 2), 0) });
    expect(read.chats?.map(({ unread }) => unread)).toEqual([0, 0]);
  });

  it("does not take one chat for the whole list before that is read", () => {
    expect(applyEvent(initialState, { name: "chat", data: chat("a") }).chats).toBeNull();
  });
});

describe("sortChats", () => {
  it("puts the newest first and chats without messages last, by name", () => {
    const sorted = sortChats([
      chat("z"),
      chat("old", message("1", "old", 1)),
      chat("b"),
      chat("new", message("2", "new", 2)),
    ]);
    expect(sorted.map(({ id }) => id)).toEqual(["new", "old", "b", "z"]);
  });
});

describe("mustLink", () => {
  it("sends only those to link who never did", () => {
    expect(mustLink({ status: null, chats: null })).toBe(false);
    expect(mustLink({ status: status("qr"), chats: null })).toBe(false);
    expect(mustLink({ status: status("qr"), chats: [] })).toBe(true);
    expect(mustLink({ status: status("ready", { phoneNumber: "+1" }), chats: [] })).toBe(false);
    expect(mustLink({ status: status("disconnected", { phoneNumber: "+1" }), chats: [] })).toBe(false);
    expect(mustLink({ status: status("logged_out"), chats: [chat("a")] })).toBe(false);
  });
});

describe("connectionWords", () => {
  it("speaks of our own trouble before WhatsApp's", () => {
    expect(connectionWords(status("ready"), "restarting")?.label).toBe("Workspace restarting");
    expect(connectionWords(status("ready"), null)?.tone).toBe("good");
  });

  it("calls codes that ran out not linked, and a broken connection disconnected", () => {
    expect(connectionWords(status("disconnected", { reason: "qr_timeout" }), null)?.label).toBe("Not linked");
    expect(connectionWords(status("disconnected"), null)?.label).toBe("Disconnected");
  });
});
