import { describe, expect, it } from "vitest";
import type { Chat } from "../api/slice";
import { initials } from "./Avatar";
import { chatIdOf, chatPath, nameOfUnlisted } from "./chatPath";
import { byDay } from "./days";
import { phoneDigits } from "./phoneNumber";
import { chatMatches } from "./search";

describe("chatMatches", () => {
  const chat: Chat = {
    id: "15550100123@c.us",
    name: "Zoë Müller",
    phoneNumber: "+15550100123",
    unread: 0,
    lastMessage: {
      id: "m",
      chatId: "15550100123@c.us",
      fromMe: false,
      kind: "text",
      media: null,
      author: null,
      text: "Where is my Blanket?",
      at: "2026-03-01T10:00:00Z",
      ack: null,
    },
  };

  it.each(["", "  ", "zoe", "MULLER", "müll", "blanket", "555 010", "+1 (555) 010-0123"])(
    "finds %j",
    (query) => {
      expect(chatMatches(chat, query)).toBe(true);
    },
  );

  it.each(["anna", "555 999", "order 555", "+"])("does not find %j", (query) => {
    expect(chatMatches(chat, query)).toBe(false);
  });
});

describe("phoneDigits", () => {
  it.each([
    ["+1 (555) 010-0123", "15550100123"],
    ["0049 151 2345678", "491512345678"],
    [" 15550100123 ", "15550100123"],
    ["anna", null],
    ["+1 555", null],
    ["1234567890123456", null],
    ["15550100123@c.us", null],
  ])("reads %j as %j", (typed, digits) => {
    expect(phoneDigits(typed)).toBe(digits);
  });
});

describe("byDay", () => {
  it("splits where the local day changes and loses nothing", () => {
    const at = (day: number, hour: number) => new Date(2026, 2, day, hour).toISOString();
    const times = [at(1, 9), at(1, 23), at(2, 0), at(4, 12)];
    const days = byDay(
      times.map((time, index) => ({
        id: String(index),
        chatId: "c",
        fromMe: false,
        kind: "text" as const,
        media: null,
        author: null,
        text: "",
        at: time,
        ack: null,
      })),
    );
    expect(days.map(({ messages }) => messages.map(({ id }) => id))).toEqual([["0", "1"], ["2"], ["3"]]);
  });
});

it("takes initials from the first and the last name", () => {
  expect(["Anna Maria Bell", "zoë", "+1 555 010", "  ", "李 雷"].map(initials)).toEqual([
    "AB",
    "Z",
    "#",
    "#",
    "李雷",
  ]);
});

it("leads a chat's address back to its id, also one that a person mistyped", () => {
  const id = "15550100123@c.us";
  expect(chatIdOf(chatPath(id).replace("/chats/", ""))).toBe(id);
  expect(chatIdOf("50%")).toBe("50%");
  expect(nameOfUnlisted(id)).toBe("+15550100123");
  expect(nameOfUnlisted("nobody")).toBe("Unknown chat");
});
