import { expect, it } from "vitest";
import { emailProblem, passwordProblem } from "./validate";

it.each(["a@b", " anna.bell+shop@example.co.uk ", "ü@beispiel.de"])("lets %s pass as an e-mail", (email) => {
  expect(emailProblem(email)).toBeNull();
});

it.each(["", "  ", "anna", "anna@", "@b", "a b@c", "a@b@c"])("refuses %j as an e-mail", (email) => {
  expect(emailProblem(email)).not.toBeNull();
});

it("counts characters of a password, not their bytes", () => {
  expect(passwordProblem("ten chars!")).toBeNull();
  expect(passwordProblem("nine char")).toContain("9 of the 10");
  expect(passwordProblem("😀😀😀😀😀")).toContain("5 of the 10");
});
