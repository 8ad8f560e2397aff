import { expect, it } from "vitest";
import { tokenOf } from "./useLinkToken";

const token = "AbC-_0123456789abcdefghijklmnopqrstuvwxyz01";

it("finds the token of a link, and nothing that cannot be one", () => {
  expect(token).toHaveLength(43);
  expect(tokenOf(`#token=${token}`)).toBe(token);
  expect(tokenOf(`#from=mail&token=${token}`)).toBe(token);
});

it.each([
  "",
  "#",
  "#token=",
  `#${token}`,
  `#token=${token.slice(1)}`,
  `#token=${token}A`,
  `#token=${token.slice(1)}.`,
])("finds no token in %j", (hash) => {
  expect(tokenOf(hash)).toBeNull();
});
