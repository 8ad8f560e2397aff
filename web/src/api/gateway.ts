import { request } from "./http";

export type SubscriptionStatus = "trial" | "active" | "past_due" | "cancelled";

export interface User {
  id: number;
  email: string;
  subscriptionStatus: SubscriptionStatus;
  /** ISO 8601, UTC; null for one who is not in a trial. */
  trialEndsAt: string | null;
}

/** The customer's slice, as the gateway sees it. */
export interface AssignedSlice {
  id: number;
  status: "assigned" | "suspended" | "failed" | "destroying";
  waConnected: boolean;
  /** True while it is brought to another server, whatever its status. */
  moving: boolean;
}

/** The person's place in the line for a slice. */
export interface Waiting {
  /** ISO 8601, UTC. */
  since: string;
  /** 1 is next. */
  position: number;
  /** True: no more slices can be made at the moment, so one has to become free first. */
  full: boolean;
}

/** `GET /auth/places`, which anybody may ask. */
export interface Places {
  full: boolean;
  /** How many people wait already. */
  waiting: number;
}

/** `GET /auth/me`, and the answer to register and login. */
export interface Me {
  brand: string;
  user: User;
  /** null: none is free yet, or, for somebody who does not wait for one, theirs was deleted. */
  slice: AssignedSlice | null;
  /** null for somebody who does not wait for a slice. */
  waiting: Waiting | null;
}

export interface Credentials {
  email: string;
  password: string;
}

export const gateway = {
  /** Throws ApiFailure 401 when nobody is logged in. */
  me: () => request<Me>("/auth/me"),
  /** Throws ApiFailure 401 for a wrong pair, 429 for too many tries. */
  login: (credentials: Credentials) => request<Me>("/auth/login", { method: "POST", body: credentials }),
  /** Throws ApiFailure 400 or 409 with a sentence to show. */
  register: (credentials: Credentials) =>
    request<Me>("/auth/register", { method: "POST", body: credentials }),
  places: () => request<Places>("/auth/places"),
  logout: () => request<undefined>("/auth/logout", { method: "POST" }),
};

export type Gateway = typeof gateway;
