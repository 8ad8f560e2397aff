import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiFailure } from "../api/http";
import type { Chat, Message, SliceApi, Status } from "../api/slice";
import type { StreamHandlers } from "../events/source";
import { Workspace } from "./Workspace";

const ready: Status = {
  state: "ready",
  reason: null,
  phoneNumber: "+15550100000",
  uptime: 1,
  since: null,
  lastEventAt: null,
  engine: "simulated",
  standIn: false,
  storage: { usedBytes: 0, quotaBytes: 2_000_000_000, level: "ok" },
  snapshotAt: null,
};
const message = (id: string, second: number, more: Partial<Message> = {}): Message => ({
  id,
  chatId: "c",
  fromMe: false,
  kind: "text",
  media: null,
  author: null,
  text: id,
  at: `2026-03-01T10:00:${String(second).padStart(2, "0")}Z`,
  ack: null,
  ...more,
});
const chat: Chat = { id: "c", name: "Ann", phoneNumber: null, unread: 0, lastMessage: null };

/** A promise that the test settles. */
function later<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe("Workspace", () => {
  let workspace: Workspace;
  let stream: StreamHandlers;
  const api = {
    status: vi.fn<SliceApi["status"]>(),
    qr: vi.fn<SliceApi["qr"]>(),
    chats: vi.fn<SliceApi["chats"]>(),
    contacts: vi.fn<SliceApi["contacts"]>(),
    messages: vi.fn<SliceApi["messages"]>(),
    markRead: vi.fn<SliceApi["markRead"]>(),
    send: vi.fn<SliceApi["send"]>(),
    sendFile: vi.fn<SliceApi["sendFile"]>(),
    discardMedia: vi.fn<SliceApi["discardMedia"]>(),
    pairingCode: vi.fn<SliceApi["pairingCode"]>(),
    restore: vi.fn<SliceApi["restore"]>(),
    deleteData: vi.fn<SliceApi["deleteData"]>(),
    restart: vi.fn<SliceApi["restart"]>(),
    simulateScan: vi.fn<SliceApi["simulateScan"]>(),
  };
  const checkSession = vi.fn(async () => {});
  const texts = () =>
    workspace
      .getState()
      .conversations.get("c")
      ?.messages.map(({ text }) => text);
  const settle = () => vi.advanceTimersByTimeAsync(0);

  beforeEach(() => {
    vi.useFakeTimers();
    checkSession.mockClear();
    for (const call of Object.values(api)) call.mockReset();
    api.status.mockResolvedValue(ready);
    api.chats.mockResolvedValue({ chats: [chat] });
    api.messages.mockResolvedValue({ messages: [message("m1", 1)], before: null });
    workspace = new Workspace({
      api,
      checkSession,
      onAnnouncements: () => {},
      drafts: new Map(),
      createStream: (handlers) => {
        stream = handlers;
        return { start: () => {}, stop: () => {} };
      },
    });
  });

  afterEach(() => {
    workspace.stop();
    vi.useRealTimers();
  });

  const open = async () => {
    workspace.start();
    await settle();
    await workspace.openChat("c");
  };

  it("fetches on start, and everything again after a reset", async () => {
    await open();
    api.messages.mockResolvedValue({ messages: [message("m1", 1), message("m2", 2)], before: null });
    stream.onReset();
    await settle();
    expect(api.status).toHaveBeenCalledTimes(2);
    expect(texts()).toEqual(["m1", "m2"]);
  });

  it("keeps an event that overtook the answer of a fetch", async () => {
    const answer = later<{ chats: Chat[] }>();
    api.chats.mockReturnValueOnce(answer.promise);
    workspace.start();
    await settle();
    stream.onEvent({ name: "chat", data: { ...chat, unread: 3 } });
    answer.resolve({ chats: [chat] });
    await settle();
    expect(workspace.getState().chats?.[0]?.unread).toBe(3);
  });

  it("fetches once more when a reset comes while it fetches", async () => {
    const answer = later<{ chats: Chat[] }>();
    api.chats.mockReturnValueOnce(answer.promise);
    workspace.start();
    await settle();
    stream.onReset();
    stream.onReset();
    answer.resolve({ chats: [] });
    await settle();
    expect(api.chats).toHaveBeenCalledTimes(2);
    expect(workspace.getState().chats).toHaveLength(1);
  });

  it("reads the lists when a sync is over, as it tells counts only", async () => {
    api.status.mockResolvedValue({ ...ready, state: "authenticated" });
    api.chats.mockResolvedValue({ chats: [] });
    workspace.start();
    await settle();
    api.chats.mockResolvedValue({ chats: [chat] });
    stream.onEvent({ name: "sync", data: { contacts: 1, chats: 1, done: false } });
    await settle();
    expect(workspace.getState().chats).toHaveLength(0);
    stream.onEvent({ name: "sync", data: { contacts: 1, chats: 1, done: true } });
    await settle();
    expect(workspace.getState().chats).toHaveLength(1);
  });

  it("says that the workspace restarts, and tries again by itself until it answers", async () => {
    api.status.mockRejectedValueOnce(new ApiFailure(502, "Down."));
    api.status.mockRejectedValueOnce(new ApiFailure(504, "Down."));
    workspace.start();
    await settle();
    expect(workspace.getState().trouble).toBe("restarting");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(workspace.getState().trouble).toBe("restarting");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(workspace.getState().trouble).toBeNull();
    expect(workspace.getState().status).toEqual(ready);
  });

  it("tries no more once it is stopped", async () => {
    api.status.mockRejectedValue(new ApiFailure(0, "Offline."));
    workspace.start();
    await settle();
    expect(workspace.getState().trouble).toBe("offline");
    workspace.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.status).toHaveBeenCalledTimes(1);
  });

  it("does not begin to try when the answer fails after it was stopped", async () => {
    const answer = later<Status>();
    api.status.mockReturnValueOnce(answer.promise);
    workspace.start();
    workspace.stop();
    answer.reject(new ApiFailure(0, "Offline."));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.status).toHaveBeenCalledTimes(1);
  });

  it.each([401, 503])("has the session checked after a %i", async (code) => {
    api.status.mockRejectedValueOnce(new ApiFailure(code, "No."));
    workspace.start();
    await settle();
    expect(checkSession).toHaveBeenCalledTimes(1);
  });

  it("does not check the session when the slice is down", async () => {
    api.status.mockRejectedValueOnce(new ApiFailure(502, "Down."));
    workspace.start();
    await settle();
    expect(checkSession).not.toHaveBeenCalled();
  });

  it("shows a message at once and replaces it by the accepted one", async () => {
    await open();
    const answer = later<Message>();
    api.send.mockReturnValueOnce(answer.promise);
    const sent = workspace.send("c", "Hi");
    expect(workspace.getState().conversations.get("c")?.messages.at(-1)).toMatchObject({
      text: "Hi",
      ack: "pending",
      sending: true,
    });
    answer.resolve(message("m9", 9, { fromMe: true, text: "Hi", ack: "pending" }));
    await sent;
    expect(workspace.getState().conversations.get("c")?.messages.at(-1)?.id).toBe("m9");
    expect(texts()).toEqual(["m1", "Hi"]);
    expect(workspace.getState().chats?.[0]?.lastMessage?.id).toBe("m9");
  });

  it("says why a message was not sent, and sends it again once", async () => {
    await open();
    api.send.mockRejectedValueOnce(new ApiFailure(409, "WhatsApp is not connected."));
    await workspace.send("c", "Hi");
    const failed = workspace.getState().conversations.get("c")?.messages.at(-1);
    expect(failed).toMatchObject({ ack: "failed", problem: "WhatsApp is not connected." });
    expect(failed?.sending).toBeUndefined();

    api.send.mockResolvedValueOnce(message("m9", 9, { fromMe: true, text: "Hi", ack: "pending" }));
    if (failed) await workspace.retry(failed);
    expect(texts()).toEqual(["m1", "Hi"]);
    expect(api.send).toHaveBeenCalledTimes(2);
    const [first, second] = api.send.mock.calls.map(([, key]) => key);
    expect(first).toBeTruthy();
    expect(second).toBe(first);
  });

  it("shows how far a file is, and then the message that the slice made of it", async () => {
    await open();
    const answer = later<Message>();
    api.sendFile.mockReturnValueOnce(answer.promise);
    const file = new File(["%PDF-"], "offer.pdf", { type: "application/pdf" });
    const sent = workspace.send("c", "our offer", file);
    const shown = () => workspace.getState().conversations.get("c")?.messages.at(-1);
    expect(shown()).toMatchObject({ kind: "document", media: { fileName: "offer.pdf" }, progress: 0 });
    const [request, given, key, options] = api.sendFile.mock.calls[0] ?? [];
    expect(request).toEqual({ to: "c", text: "our offer" });
    expect(given).toBe(file);
    expect(key).toBeTruthy();
    options?.onProgress?.(0.5);
    expect(shown()?.progress).toBe(0.5);
    const media = { state: "stored", mimeType: "application/pdf", fileName: "offer.pdf", bytes: 5 } as const;
    answer.resolve(
      message("m9", 9, { fromMe: true, kind: "document", text: "our offer", ack: "pending", media }),
    );
    await sent;
    expect(shown()).toMatchObject({ id: "m9", media });
    expect(shown()?.progress).toBeUndefined();
  });

  it("shows an empty workspace when everything was deleted", async () => {
    await open();
    api.deleteData.mockResolvedValueOnce({ ...ready, state: "logged_out" });
    api.status.mockResolvedValue({ ...ready, state: "logged_out" });
    api.chats.mockResolvedValue({ chats: [] });
    await workspace.deleteData();
    expect(workspace.getState().chats).toEqual([]);
    expect(texts()).toBeUndefined();
  });

  it("does not call a message failed whose event came although the answer did not", async () => {
    await open();
    const answer = later<Message>();
    api.send.mockReturnValueOnce(answer.promise);
    const sent = workspace.send("c", "Hi");
    stream.onEvent({ name: "message", data: message("m9", 9, { fromMe: true, text: "Hi", ack: "sent" }) });
    answer.reject(new ApiFailure(0, "Offline."));
    await sent;
    expect(
      workspace
        .getState()
        .conversations.get("c")
        ?.messages.map(({ ack }) => ack),
    ).toEqual([null, "sent"]);
  });

  it("keeps what could not be sent when everything is fetched anew", async () => {
    await open();
    api.send.mockRejectedValueOnce(new ApiFailure(0, "Offline."));
    await workspace.send("c", "Hi");
    api.messages.mockResolvedValue({ messages: [message("m7", 7)], before: "m7" });
    stream.onReset();
    await settle();
    expect(texts()).toContain("Hi");
    // m1 is gone: the new page does not join it, and a gap must not look like none.
    expect(texts()).not.toContain("m1");
  });

  it("puts older messages before the known ones until the beginning", async () => {
    api.messages.mockResolvedValueOnce({ messages: [message("m5", 5)], before: "m5" });
    await open();
    api.messages.mockResolvedValueOnce({ messages: [message("m4", 4)], before: null });
    await workspace.loadOlder("c");
    expect(api.messages).toHaveBeenLastCalledWith("c", "m5");
    expect(texts()).toEqual(["m4", "m5"]);
    await workspace.loadOlder("c");
    expect(api.messages).toHaveBeenCalledTimes(2);
  });
});
