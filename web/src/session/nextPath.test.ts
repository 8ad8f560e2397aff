import { expect, it } from "vitest";
import { loginPath, nextPath, purposeOf } from "./nextPath";

it("comes back to where one was", () => {
  const path = "/chats/15550100001%40c.us?a=b";
  expect(nextPath(new URL(loginPath(path), "https://app.test").search)).toBe(path);
  expect(loginPath("/")).toBe("/login");
});

it.each([
  "",
  "?next=",
  "?next=https://evil.test/",
  "?next=//evil.test/",
  "?next=//evil.test/chats",
  "?next=/%5Cevil.test",
  "?next=/%09/evil.test",
  "?next=/./%2Fevil.test",
  "?next=javascript:alert(1)",
  "?next=/login",
  "?next=/register%3Fnext=/x",
  "?next=/login/",
  "?next=/forgot-password",
  "?next=/verify-email%23token=x",
  "?next=/reset-password/%23token=x",
])("goes nowhere but home for %s", (search) => {
  expect(nextPath(search)).toBe("/");
});

it.each([
  ["/reconnect", /connect your WhatsApp again/],
  ["/reconnect?from=mail", /connect your WhatsApp again/],
  ["/notifications", /how we reach you/],
])("says what one came for who was on the way to %s", (path, words) => {
  expect(purposeOf(new URL(loginPath(path), "https://app.test").search)).toMatch(words);
});

it.each(["/", "/chats/1", "/reconnected"])("needs no words for who was on the way to %s", (path) => {
  expect(purposeOf(new URL(loginPath(path), "https://app.test").search)).toBeNull();
});
