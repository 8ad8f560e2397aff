import assert from "node:assert/strict";
import { test } from "node:test";
import { NotConnected } from "../src/engine/engine.js";
import { acksOf, type Sent, sendUnder } from "../src/engine/webjs/page.js";
import { sendMessage } from "../src/engine/webjs/send.js";
import type { Session } from "../src/engine/webjs/session.js";
import { ManualClock } from "./support/clock.js";

/** Sends a message to a page that does not have it yet, and that does this when it is handed over. */
function sendTo(handOver: () => Promise<Sent>): Promise<void> {
  let has = false;
  const evaluate = async (work: unknown) => {
    if (work === acksOf) return has ? { true_chat_3EB0: 1 } : {};
    assert.equal(work, sendUnder);
    const sent = await handOver();
    has = sent === "handed_over";
    return sent;
  };
  const message = { id: "true_chat_3EB0", chatId: "chat", kind: "text", text: "hello", media: null };
  return sendMessage({ page: { evaluate } } as unknown as Session, {
    message: message as never,
    file: null,
    signal: new AbortController().signal,
    clock: new ManualClock(),
  });
}

test("a page that goes away while it takes a message has refused nothing", async () => {
  const gone = async () => Promise.reject(new Error("Execution context was destroyed"));
  await assert.rejects(sendTo(gone), NotConnected);
  await assert.rejects(
    sendTo(async () => "not_ours"),
    NotConnected,
  );
});

test("what the page refuses has failed, and what it takes is sent", async () => {
  const refusal = async (sent: Sent) => sendTo(async () => sent).catch((err: Error) => err);
  const refused = await refusal({ refused: "Error: too long" });
  assert.ok(refused instanceof Error && !(refused instanceof NotConnected));
  assert.match(refused.message, /too long/);
  assert.match(String(await refusal("nobody")), /nobody by this number/);
  await sendTo(async () => "handed_over");
});
