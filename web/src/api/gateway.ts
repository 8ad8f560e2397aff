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
  status: "assigned" | "suspended";
  waConnected: boolean;
}

/** `GET /auth/me`, and the answer to register and login. */
export interface Me {
  brand: string;
  user: User;
  /** null: none is free yet, one is being made. */
  slice: AssignedSlice | null;
  /** Since when the person waits for a slice (ISO 8601, UTC); null when they do not. */
  waitingSince: string | null;
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
  logout: () => request<undefined>("/auth/logout", { method: "POST" }),
};

export type Gateway = typeof gateway;
