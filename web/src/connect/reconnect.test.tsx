// @vitest-environment happy-dom
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import type { Qr } from "../api/slice";
import { appInTest, bea, me, refused, StreamInTest, status } from "../appInTest";

const { answers, requests, show, heading } = appInTest();
const code: Qr = {
  code: "2@abc",
  index: 1,
  of: 6,
  expiresAt: new Date(Date.now() + 20_000).toISOString(),
};
const waitsForScan = () => {
  answers["GET /api/status"] = () => Response.json(status("qr"));
  answers["GET /api/qr"] = () => Response.json(code);
};

it("leads somebody who is not logged in through the login to the code, and says what for", async () => {
  answers["GET /auth/me"] = () => refused(401, "Not authenticated");
  answers["POST /auth/login"] = () => Response.json(me);
  waitsForScan();
  show("/reconnect");
  await heading("Log in");
  screen.getByText("Log in to connect your WhatsApp again.");
  const user = userEvent.setup();
  await user.type(screen.getByLabelText("E-mail"), "ann@example.com");
  await user.type(screen.getByLabelText("Password"), "correct horse{Enter}");
  await heading("Scan this code with your phone");
  expect(window.location.pathname).toBe("/reconnect");
  screen.getByText(/This links it again/);
  screen.getByText("Code 1 of 6");
  screen.getByText(/It cannot scan itself/);
  screen.getByRole("button", { name: "Link with a phone number instead" });
});

it("follows the linking to its end, and says that it is connected again", async () => {
  waitsForScan();
  show("/reconnect");
  await heading("Scan this code with your phone");
  await waitFor(() => expect(StreamInTest.all).not.toHaveLength(0));
  StreamInTest.emit("status", status("authenticated"));
  await heading("Linked. Now syncing");
  answers["GET /api/status"] = () => Response.json(status("ready"));
  answers["GET /api/chats"] = () => Response.json({ chats: [bea] });
  StreamInTest.emit("status", status("ready"));
  await heading("WhatsApp is connected again");
});

it("has good news for somebody whose WhatsApp came back meanwhile", async () => {
  show("/reconnect");
  await heading("WhatsApp is connected again");
  screen.getByText(/nothing left to do/);
  await userEvent.click(screen.getByRole("link", { name: "Go to the inbox" }));
  await heading("Inbox");
});

it("begins with what is to be done when the codes ran out unseen, and stays on this page", async () => {
  answers["GET /api/status"] = () => Response.json(status("disconnected", { reason: "qr_timeout" }));
  answers["POST /api/connection/restart"] = () => {
    waitsForScan();
    return Response.json({}, { status: 202 });
  };
  show("/reconnect");
  await heading("Connect your WhatsApp again");
  await userEvent.click(screen.getByRole("button", { name: "I have my phone: show the code" }));
  await heading("Scan this code with your phone");
  expect(window.location.pathname).toBe("/reconnect");
  // These were seen: that they ran out is news.
  StreamInTest.emit("status", status("disconnected", { reason: "qr_timeout" }));
  await heading("The codes ran out");
});

it("says what happened when the phone was unlinked", async () => {
  answers["GET /api/status"] = () => Response.json(status("logged_out"));
  show("/reconnect");
  await heading("WhatsApp was unlinked");
  screen.getByRole("button", { name: "Link again" });
});

it.each([
  ["suspended", "Your workspace is paused"],
  ["failed", "Your workspace could not be started"],
])("says why there is nothing to connect when the workspace is %s", async (state, words) => {
  answers["GET /auth/me"] = () => Response.json({ ...me, slice: { ...me.slice, status: state } });
  show("/reconnect");
  await heading(words);
  expect(requests.filter((request) => request.includes("/api/"))).toEqual([]);
});
