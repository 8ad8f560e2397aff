import { observeServerTime } from "./clock";

/** A request that was refused or never answered. */
export class ApiFailure extends Error {
  override name = "ApiFailure";
  constructor(
    /** The HTTP status; 0 when no answer came at all. */
    readonly status: number,
    /** A sentence for the person who asked. */
    readonly sentence: string,
    /** Seconds to wait before trying again, where the server said so; else null. */
    readonly retryAfter: number | null = null,
  ) {
    super(`${status}: ${sentence}`);
  }

  /** True when the server (or the way to it) is down, so that the same request may work soon. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

let heardOfMaintenance = () => {};

/** Has a function called whenever an answer says that there is maintenance, whoever asked. */
export function onMaintenance(heard: () => void): () => void {
  heardOfMaintenance = heard;
  return () => {
    heardOfMaintenance = () => {};
  };
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  /** Milliseconds until the request is given up; default 20,000. */
  timeout?: number;
}

/**
 * Sends one JSON request to our own origin and returns the parsed answer
 * (undefined for 204). The caller names the type, which the server vouches for.
 * Throws ApiFailure for every answer outside 2xx and when no answer came.
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const { method = "GET", body, headers, timeout = 20_000 } = options;
  const init: RequestInit = {
    method,
    credentials: "same-origin",
    cache: "no-store",
    headers: { Accept: "application/json", ...headers },
    signal: AbortSignal.timeout(timeout),
  };
  if (body !== undefined) {
    init.headers = { ...init.headers, "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }

  let response: Response;
  let text: string;
  try {
    response = await fetch(path, init);
    text = await response.text();
  } catch {
    throw new ApiFailure(0, "There is no connection to the server. Check your network and try again.");
  }
  observeServerTime(response.headers.get("Date"));

  const answer = parse(text);
  if (!response.ok) {
    if (response.status === 503 && isMaintenance(answer)) heardOfMaintenance();
    throw new ApiFailure(response.status, sentenceOf(answer, response.status), retryAfterOf(response));
  }
  if (response.status !== 204 && answer === undefined) {
    throw new ApiFailure(502, "The server gave an answer that could not be read. Try again in a moment.");
  }
  return answer as T;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isMaintenance(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === "maintenance";
}

export function sentenceOf(answer: unknown, status: number): string {
  if (
    typeof answer === "object" &&
    answer !== null &&
    "error" in answer &&
    typeof answer.error === "string"
  ) {
    return answer.error;
  }
  if (status === 429) return "Too many tries. Wait a moment, then try again.";
  return status >= 500
    ? "The server could not answer just now. Try again in a moment."
    : "The server refused this request.";
}

function retryAfterOf(response: Response): number | null {
  const seconds = Number(response.headers.get("Retry-After") ?? "");
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : null;
}
