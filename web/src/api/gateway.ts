import { request } from "./http";

/** `unpaid`: registered where payment comes first, and not paid yet. `past_due`: or a trial that is over. */
export type SubscriptionStatus = "trial" | "unpaid" | "active" | "past_due" | "cancelled";

/** By what a person is told that something needs them. */
export interface Channels {
  email: boolean;
  /** To their own number, for everything but the disconnection itself. */
  whatsapp: boolean;
}

export interface User {
  id: number;
  email: string;
  /** False until the link in a mail to the address was followed; alerts are not mailed before. */
  emailVerified: boolean;
  /** True when mails to the address come back. */
  emailBounced: boolean;
  channels: Channels;
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

/** How an operator sees somebody's account: as its owner does, and for a while. */
export interface SeenBy {
  /** ISO 8601, UTC. */
  until: string;
  /** The owner has allowed more than looking. */
  mayChange: boolean;
}

/** `GET /auth/support`: what the owner has allowed support, and when they looked. */
export interface Support {
  /** Until then they may also act and take copies; null: look alone. ISO 8601, UTC. */
  until: string | null;
  /** The newest first. */
  looks: {
    /** ISO 8601, UTC. */
    at: string;
    /** More than looking was allowed then. */
    mayChange: boolean;
  }[];
}

/** A piece of what the operator has written: text, or text that leads somewhere. */
export interface Part {
  text: string;
  /** An address with https. */
  link?: string;
}

/** The operator works on the platform: nothing but logging in and out is answered. Times are ISO 8601, UTC. */
export interface Maintenance {
  since: string;
  /** When it is thought to be over; null: not known. */
  until: string | null;
  words: Part[];
}

/** What the operator tells everybody. Times are ISO 8601, UTC. */
export interface Announcement {
  id: number;
  level: "info" | "warning";
  words: Part[];
  startsAt: string;
  endsAt: string;
}

/** `GET /auth/me`, and the answer to register and login. */
export interface Me {
  brand: string;
  billing: {
    /** False: nothing can be paid here, and there are trials alone. */
    enabled: boolean;
    /** True: whoever registers pays before they get a slice. */
    payFirst: boolean;
  };
  /** null: its owner is here. */
  seenBy: SeenBy | null;
  user: User;
  /** null: none is free yet, or, for somebody who does not wait for one, theirs was deleted. */
  slice: AssignedSlice | null;
  /** null for somebody who does not wait for a slice. */
  waiting: Waiting | null;
  /** null: there is none. */
  maintenance: Maintenance | null;
  /** Those of now and of the next day, warnings first. */
  announcements: Announcement[];
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
  /** Tells nothing of whether there is such an account. Throws ApiFailure 429 for too many tries. */
  forgotPassword: (email: string) =>
    request<undefined>("/auth/forgot-password", { method: "POST", body: { email } }),
  /** Ends all sessions of the user. Throws ApiFailure 400 for the password, 410 for the link. */
  resetPassword: (link: { token: string; password: string }) =>
    request<undefined>("/auth/reset-password", { method: "POST", body: link }),
  /** Needs no session. Throws ApiFailure 410 for a link that does not work any more. */
  verifyEmail: (token: string) =>
    request<undefined>("/auth/verify-email", { method: "POST", body: { token } }),
  /** Throws ApiFailure 409 when the address is confirmed already, 429 within a minute of the last mail. */
  sendVerification: () => request<undefined>("/auth/verify-email/send", { method: "POST" }),
  saveChannels: (channels: Channels) => request<Me>("/auth/channels", { method: "PUT", body: channels }),
  /** The address is a new one, the password theirs. Throws ApiFailure 401 for the password, 409 for the address. */
  changeEmail: (credentials: Credentials) => request<Me>("/auth/email", { method: "PUT", body: credentials }),
  support: () => request<Support>("/auth/support"),
  /** For 24 hours from now. */
  allowSupport: () => request<Support>("/auth/support", { method: "PUT" }),
  /** Also ends what support is looking at now. */
  withdrawSupport: () => request<Support>("/auth/support", { method: "DELETE" }),
  /** Throws ApiFailure 409 for a slice that cannot be restarted now, 429 within five minutes of the last time. */
  restartSlice: () => request<undefined>("/auth/slice/restart", { method: "POST" }),
};

export type Gateway = typeof gateway;
