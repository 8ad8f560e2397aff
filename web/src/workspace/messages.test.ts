import { describe, expect, it } from "vitest";
import type { Message } from "../api/slice";
import { accepted, laterAck, merge, receive, type ShownMessage } from "./messages";

const message = (id: string, at: string, more: Partial<ShownMessage> = {}): ShownMessage => ({
  id,
  chatId: "c",
  fromMe: false,
  kind: "text",
  media: null,
  author: null,
  text: id,
  at: `2026-03-01T${at}Z`,
  ack: null,
  ...more,
});
const ids = (messages: readonly Message[]) => messages.map(({ id }) => id);

describe("merge", () => {
  it("orders by time, then by id, and keeps each id once", () => {
    const known = [message("b", "10:00:00"), message("d", "10:00:02")];
    const page = [message("d", "10:00:02"), message("c", "10:00:00"), message("a", "09:59:59.999")];
    expect(ids(merge(known, page))).toEqual(["a", "b", "c", "d"]);
  });

  it("compares times and not their writing", () => {
    expect(ids(merge([message("late", "10:00:00.100")], [message("early", "10:00:00")]))).toEqual([
      "early",
      "late",
    ]);
  });

  it("never takes an ack back", () => {
    const read = message("a", "10:00:00", { fromMe: true, ack: "read" });
    expect(merge([read], [{ ...read, ack: "pending" }])[0]?.ack).toBe("read");
    expect(merge([{ ...read, ack: "pending" }], [read])[0]?.ack).toBe("read");
  });
});

describe("laterAck", () => {
  it("lets a failure stand against what came before it", () => {
    expect(laterAck("pending", "failed")).toBe("failed");
    expect(laterAck("failed", "sent")).toBe("failed");
  });
});

describe("a message that is being sent", () => {
  const sending = message("local-1", "10:00:05", { fromMe: true, text: "Hi", ack: "pending", sending: true });
  const sent = message("m1", "10:00:05.100", { fromMe: true, text: "Hi", ack: "sent" });

  it("is replaced by the answer", () => {
    expect(accepted([sending], "local-1", sent)).toEqual([sent]);
  });

  it("is shown once when its event comes before the answer, with the later ack", () => {
    const afterEvent = receive([sending], sent);
    expect(afterEvent).toEqual([sent]);
    expect(accepted(afterEvent, "local-1", { ...sent, ack: "pending" })).toEqual([sent]);
  });

  it("stays when another message of ours comes in, written on the phone", () => {
    const other = message("m2", "10:00:06", { fromMe: true, text: "Something else", ack: "sent" });
    expect(ids(receive([sending], other))).toEqual(["local-1", "m2"]);
  });

  it("stays when the other side writes the same words", () => {
    expect(ids(receive([sending], message("m3", "10:00:06", { text: "Hi" })))).toEqual(["local-1", "m3"]);
  });
});
