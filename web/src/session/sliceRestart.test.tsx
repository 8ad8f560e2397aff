// @vitest-environment happy-dom
import { act, screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { appInTest, me, refused, status } from "../appInTest";

const { answers, requests, show } = appInTest();
const failed = () => Response.json({ ...me, slice: { ...me.slice, status: "failed" } });
const silent = () => refused(502, "Your workspace does not answer.");
const pass = (milliseconds: number) => act(() => vi.advanceTimersByTimeAsync(milliseconds));
const heading = () => screen.getByRole("heading", { level: 1 }).textContent;
const press = async (name: string) => {
  screen.getByRole("button", { name }).click();
  await pass(0);
};
const asked = () => requests.filter((request) => request === "POST /auth/slice/restart").length;

beforeEach(() => {
  vi.useFakeTimers();
});

it("starts a workspace that failed again, and goes on by itself", async () => {
  answers["GET /auth/me"] = failed;
  answers["POST /auth/slice/restart"] = () => new Response(null, { status: 204 });
  show("/");
  await pass(0);
  expect(heading()).toBe("Your workspace could not be started");
  await press("Start it again");
  expect(asked()).toBe(1);
  expect(heading()).toBe("Your workspace is being started");
  answers["GET /auth/me"] = () => Response.json(me);
  await pass(2_000);
  expect(heading()).toBe("Inbox");
});

it("goes to the workspace at once when it is started by the time of the answer", async () => {
  answers["GET /auth/me"] = failed;
  answers["POST /auth/slice/restart"] = () => {
    answers["GET /auth/me"] = () => Response.json(me);
    return new Response(null, { status: 204 });
  };
  answers["GET /api/status"] = silent;
  show("/");
  await pass(0);
  await press("Start it again");
  expect(heading()).toBe("Your workspace is restarting");
});

it("says when it may be asked for again, and counts down to it", async () => {
  answers["GET /auth/me"] = failed;
  answers["POST /auth/slice/restart"] = () =>
    refused(429, "It was restarted a moment ago.", { "Retry-After": "121" });
  show("/");
  await pass(0);
  await press("Start it again");
  expect(screen.getByRole("alert").textContent).toBe("It was restarted a moment ago.");
  await press("Try again in 2:01 min");
  await pass(2_000);
  await press("Try again in 119 s");
  expect(asked()).toBe(1);
  await pass(120_000);
  await press("Start it again");
  expect(asked()).toBe(2);
});

it("says that a start takes too long, and offers another one in the end", async () => {
  answers["GET /auth/me"] = failed;
  answers["POST /auth/slice/restart"] = () => new Response(null, { status: 204 });
  show("/");
  await pass(0);
  await press("Start it again");
  await pass(121_000);
  screen.getByText(/longer than it should/);
  await pass(180_000);
  screen.getByRole("button", { name: "Start it again" });
});

it("looks again what the workspace is when a restart does not suit it", async () => {
  answers["GET /auth/me"] = failed;
  answers["POST /auth/slice/restart"] = () => refused(409, "It is suspended.");
  show("/");
  await pass(0);
  answers["GET /auth/me"] = () => Response.json({ ...me, slice: { ...me.slice, status: "suspended" } });
  await press("Start it again");
  expect(heading()).toBe("Your workspace is paused");
});

it.each([
  ["the inbox", "/", "Your workspace is restarting"],
  ["the linking", "/connect/link", "Setting things up"],
])(
  "offers a restart on the page of %s once a workspace has been silent for half a minute",
  async (_, path, words) => {
    answers["GET /api/status"] = silent;
    answers["POST /auth/slice/restart"] = () => new Response(null, { status: 204 });
    show(path);
    await pass(0);
    expect(heading()).toBe(words);
    await pass(29_000);
    expect(screen.queryByRole("button", { name: "Restart the workspace" })).toBeNull();
    await pass(2_000);
    await press("Restart the workspace");
    screen.getByText("It is being restarted, and this page goes on by itself.");
    expect(asked()).toBe(1);
  },
);

it("offers it over an inbox that was open before, and takes the offer back when it answers", async () => {
  answers["POST /auth/slice/restart"] = () => refused(409, "It is being moved.");
  show("/");
  await pass(0);
  expect(heading()).toBe("Inbox");
  answers["GET /api/status"] = silent;
  window.dispatchEvent(new Event("online"));
  await pass(29_000);
  expect(screen.queryByText("Your workspace does not answer.")).toBeNull();
  await pass(2_000);
  screen.getByText("Your workspace does not answer.");
  await press("Restart it");
  screen.getByText(/It is being moved\./);
  answers["GET /api/status"] = () => Response.json(status("ready"));
  window.dispatchEvent(new Event("online"));
  await pass(40_000);
  expect(screen.queryByText("Your workspace does not answer.")).toBeNull();
});

it("does not offer it to somebody who has no connection themselves", async () => {
  answers["GET /api/status"] = () => Promise.reject(new TypeError("Failed to fetch"));
  show("/connect/link");
  await pass(0);
  await pass(31_000);
  screen.getByText(/There is no connection/);
  expect(screen.queryByRole("button", { name: "Restart the workspace" })).toBeNull();
});
