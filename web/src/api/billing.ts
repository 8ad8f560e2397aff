import type { SubscriptionStatus } from "./gateway";
import { request } from "./http";

/** `GET /billing/status`: what is paid, what it costs, and what follows. Times are ISO 8601, UTC. */
export interface BillingStatus {
  /** False: nothing can be paid here, and there are trials alone. */
  enabled: boolean;
  status: SubscriptionStatus;
  trialEndsAt: string | null;
  /** The end of the period that is paid for; null for somebody who has never paid. */
  paidUntil: string | null;
  /** It is cancelled, and runs until then. */
  endsAt: string | null;
  /** Something is unpaid, or the trial is over: all goes on until then. */
  graceEndsAt: string | null;
  /** Then everything is destroyed. */
  deleteAfter: string | null;
  /** Seconds that everything is kept for after the end. */
  retention: number;
  /** A payment is disputed: the slice is stopped, whatever is paid. */
  held: boolean;
  /** Where the bank wants a payment to be confirmed. */
  confirm: string | null;
  /** Of a month, such as "9.00". */
  price: string;
  /** What a month costs whoever subscribes now, where that is less. */
  launchPrice: string | null;
  /** Their own subscription has the lower price. */
  discounted: boolean;
  /** The sign before an amount. */
  currency: string;
  storage: {
    includedBytes: number;
    usedBytes: number;
    /** What is bought beside what is included. */
    extraGB: number;
    /** Of one a month; null: it is not sold. */
    pricePerGB: string | null;
  };
  /** Stripe has a page of theirs, with their card and invoices. */
  customer: boolean;
  slice: "none" | "waiting" | "provisioning" | "assigned" | "suspended" | "destroying" | "failed";
}

export interface Invoice {
  id: string;
  number: string;
  /** ISO 8601, UTC. */
  at: string;
  /** Such as "4.50". */
  amount: string;
  /** Such as "usd". */
  currency: string;
  status: "paid" | "open" | "void" | "uncollectible";
  /** Where it is seen, and paid. */
  url: string;
}

/** A copy of everything in a slice: a ZIP file that is made in the background, and kept for a while. */
export interface Export {
  id: number;
  status: "waiting" | "running" | "ready" | "failed" | "deleted";
  /** Written so far. */
  bytes: number;
  /** About so many when it is whole; 0: not known yet. */
  expected: number;
  /** Why it failed, in a sentence. */
  error: string | null;
  createdAt: string;
  readyAt: string | null;
  expiresAt: string | null;
}

/** Stripe's own page, with the card and the invoices. A link and no request: it leads away from the app. */
export const portalPath = "/billing/portal";

export const exportFile = ({ id }: Export) => `/billing/exports/${id}/file`;

/** The server asks Stripe within some of these, which may take a while. Milliseconds. */
const patience = 30_000;

const post = <T>(path: string, body?: unknown) =>
  request<T>(path, { method: "POST", body, timeout: patience });

/** All throw ApiFailure; where nothing can be paid, 409 with a sentence. */
export const billing = {
  status: () => request<BillingStatus>("/billing/status"),
  /** The page at Stripe. Throws 409 for who has subscribed already, or where no place is free. */
  createCheckout: () => post<{ url: string }>("/billing/create-checkout", {}),
  /** Asks Stripe now. Throws 4xx for a Checkout session of somebody else. */
  refresh: (session: string | null) =>
    request<BillingStatus>("/billing/refresh", {
      method: "POST",
      body: session ? { session } : {},
      timeout: 10_000,
    }),
  cancel: () => post<BillingStatus>("/billing/cancel"),
  /** Takes a cancellation back, before it has come true. */
  reactivate: () => post<BillingStatus>("/billing/reactivate"),
  /** How many gigabytes are bought from now on. */
  buyStorage: (gigabytes: number) => post<BillingStatus>("/billing/storage", { gigabytes }),
  invoices: () => request<{ invoices: Invoice[] }>("/billing/invoices", { timeout: patience }),
  /** The newest first. */
  exports: () => request<{ exports: Export[] }>("/billing/exports"),
  /** Throws 409 while one is under way. */
  startExport: () => post<Export>("/billing/exports"),
};
