import { expect, it } from "vitest";
import { loginPath, nextPath } from "./nextPath";

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
])("goes nowhere but home for %s", (search) => {
  expect(nextPath(search)).toBe("/");
});
