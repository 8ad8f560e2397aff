import { expect, it } from "vitest";
import type { Qr, Status } from "../api/slice";
import { linkStep, settingUpWords } from "./step";

const qr: Qr = { code: "2@x", index: 1, of: 6, expiresAt: "2026-03-01T10:00:20Z" };
const status = (state: Status["state"], reason: string | null = null): Status => ({
  state,
  reason,
  phoneNumber: null,
  uptime: 1,
  since: null,
  lastEventAt: null,
  engine: "webjs",
  standIn: false,
  storage: { usedBytes: 0, quotaBytes: 2_000_000_000, level: "ok" },
  snapshotAt: null,
});

it.each([
  [null, null, "settingUp"],
  [status("starting"), null, "settingUp"],
  [status("qr"), null, "settingUp"],
  [status("qr"), qr, "scan"],
  [status("disconnected", "qr_timeout"), null, "timedOut"],
  [status("authenticated"), null, "syncing"],
  [status("ready"), null, "ready"],
  [status("disconnected"), null, "problem"],
  [status("logged_out"), null, "problem"],
  [status("restricted"), null, "problem"],
  [status("failed"), null, "problem"],
] as const)("%j with code %j is the step %s", (given, code, step) => {
  expect(linkStep({ status: given, qr: code })).toBe(step);
});

it("changes its words at 20, 45 and 90 seconds and at no other time", () => {
  const changes = Array.from({ length: 200 }, (_, second) => second).filter(
    (second) => second > 0 && settingUpWords(second) !== settingUpWords(second - 1),
  );
  expect(changes).toEqual([20, 45, 90]);
});
