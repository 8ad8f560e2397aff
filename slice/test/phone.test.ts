import assert from "node:assert/strict";
import { test } from "node:test";
import { readRecipient, writePhoneNumber } from "../src/phone.js";

test("a phone number is understood in any common writing", () => {
  for (const writing of [
    "+15550100001",
    "15550100001",
    "0015550100001",
    "+1 555 010 0001",
    "+1 (555) 010-0001",
    "1.555.010.0001",
    "  +1-555-010-0001  ",
    "+1 555 010 0001",
    "\u202a+1 555 010 0001\u202c",
    "＋１ ５５５ ０１０ ０００１",
    "15550100001@c.us",
  ]) {
    assert.deepEqual(
      readRecipient(writing),
      { chatId: "15550100001@c.us", phoneNumber: "+15550100001" },
      JSON.stringify(writing),
    );
  }
  assert.equal(readRecipient("+44 (0)20 7946 0000")?.phoneNumber, "+442079460000");
  assert.equal(readRecipient("0044 20 7946 0000")?.phoneNumber, "+442079460000");
});

test("what is no number is no recipient", () => {
  for (const writing of [
    "",
    "hello",
    "12",
    "+",
    "call +15550100001",
    "+1 555 010 0001 ext. 5",
    "1@c.us",
    "x@g.us",
    "020 7946 0000",
    "+1555010000100001",
  ]) {
    assert.equal(readRecipient(writing), null, JSON.stringify(writing));
  }
});

test("a number without a name is written to be read", () => {
  assert.equal(writePhoneNumber("+15550100001"), "+1 555 010 0001");
});
