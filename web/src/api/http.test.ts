import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { observeServerTime, serverNow } from "./clock";
import { ApiFailure, request } from "./http";

const fetched = vi.fn<typeof fetch>();

beforeEach(() => {
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
});

afterEach(() => {
  vi.unstubAllGlobals();
  observeServerTime(new Date().toUTCString());
});

const failure = async (): Promise<ApiFailure> => {
  try {
    await request("/x");
  } catch (error) {
    if (error instanceof ApiFailure) return error;
    throw error;
  }
  throw new Error("the request did not fail");
};

it("sends JSON to its own origin and gives the parsed answer", async () => {
  fetched.mockResolvedValue(Response.json({ a: 1 }));
  expect(await request("/x", { method: "POST", body: { b: 2 } })).toEqual({ a: 1 });
  const [path, init] = fetched.mock.calls[0] ?? [];
  expect(path).toBe("/x");
  expect(init).toMatchObject({ method: "POST", body: '{"b":2}', credentials: "same-origin" });
});

it("names no content type where there is no body", async () => {
  fetched.mockResolvedValue(new Response(null, { status: 204 }));
  expect(await request("/x", { method: "POST" })).toBeUndefined();
  expect(fetched.mock.calls[0]?.[1]?.headers).toEqual({ Accept: "application/json" });
});

it("gives the server's own sentence and how long to wait", async () => {
  fetched.mockResolvedValue(
    Response.json({ error: "Too many tries." }, { status: 429, headers: { "Retry-After": "12" } }),
  );
  expect(await failure()).toMatchObject({ status: 429, sentence: "Too many tries.", retryAfter: 12 });
});

it("has a sentence where the answer is a web page, or no answer comes", async () => {
  fetched.mockResolvedValue(new Response("<html>502</html>", { status: 502 }));
  expect((await failure()).sentence).toMatch(/could not answer/);
  fetched.mockRejectedValue(new TypeError("Failed to fetch"));
  expect(await failure()).toMatchObject({ status: 0, sentence: expect.stringMatching(/no connection/) });
});

it("takes a 200 that is no JSON for a failure", async () => {
  fetched.mockResolvedValue(new Response("<html>login</html>"));
  expect(await failure()).toMatchObject({ status: 502 });
});

it("learns the server's time, whatever this clock says", async () => {
  const server = Date.now() + 600_000;
  fetched.mockResolvedValue(Response.json({}, { headers: { Date: new Date(server).toUTCString() } }));
  await request("/x");
  expect(Math.abs(serverNow() - server)).toBeLessThan(3_000);
});
