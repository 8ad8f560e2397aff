import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";
import { App } from "./App";
import type { BillingStatus } from "./api/billing";
import type { Me } from "./api/gateway";
import type { Chat, Message, SliceEvents, Status } from "./api/slice";

/** What the server answers, by "METHOD path"; a test changes what it is about. */
type Answers = Record<string, () => Response | Promise<Response>>;

export const me: Me = {
  brand: "Brandname",
  billing: { enabled: true, payFirst: false },
  seenBy: null,
  user: {
    id: 1,
    email: "ann@example.com",
    emailVerified: true,
    emailBounced: false,
    channels: { email: true, whatsapp: true },
    subscriptionStatus: "trial",
    trialEndsAt: null,
  },
  slice: { id: 7, status: "assigned", waConnected: true, moving: false },
  waiting: null,
  maintenance: null,
  announcements: [],
};
export const bill: BillingStatus = {
  enabled: true,
  status: "active",
  trialEndsAt: null,
  paidUntil: null,
  endsAt: null,
  graceEndsAt: null,
  deleteAfter: null,
  retention: 7 * 86_400,
  held: false,
  confirm: null,
  price: "9.00",
  launchPrice: "4.50",
  discounted: true,
  currency: "$",
  storage: { includedBytes: 2 * 1024 ** 3, usedBytes: 0, extraGB: 0, pricePerGB: "0.50" },
  customer: true,
  slice: "assigned",
};
export const status = (state: Status["state"], more: Partial<Status> = {}): Status => ({
  state,
  reason: null,
  phoneNumber: state === "ready" ? "+15550100000" : null,
  uptime: 1,
  since: null,
  lastEventAt: null,
  engine: "webjs",
  standIn: false,
  storage: { usedBytes: 0, quotaBytes: 2_000_000_000, level: "ok" },
  snapshotAt: null,
  ...more,
});
export const hello: Message = {
  id: "m1",
  chatId: "15550100001@c.us",
  fromMe: false,
  kind: "text",
  media: null,
  author: null,
  text: "Hello there",
  at: new Date().toISOString(),
  ack: null,
};
export const bea: Chat = {
  id: hello.chatId,
  name: "Bea Blum",
  phoneNumber: "+15550100001",
  unread: 2,
  lastMessage: hello,
};
export const refused = (code: number, error: string, headers = {}) =>
  Response.json({ error }, { status: code, headers });

/** The event stream, into which a test puts what the slice would. */
export class StreamInTest {
  static all: StreamInTest[] = [];
  readyState = 1;
  private readonly listeners = new Map<string, (event: { data: string }) => void>();

  constructor(readonly url: string) {
    StreamInTest.all.push(this);
  }

  addEventListener(name: string, listener: (event: { data: string }) => void): void {
    this.listeners.set(name, listener);
  }

  close(): void {
    this.readyState = 2;
  }

  /** What the platform says, beside the slice. */
  static announce(): void {
    act(() => {
      for (const { readyState, listeners } of StreamInTest.all) {
        if (readyState === 1) listeners.get("announcements")?.({ data: "{}" });
      }
    });
  }

  static emit<Name extends keyof SliceEvents>(name: Name, data: SliceEvents[Name]): void {
    const open = StreamInTest.all.filter(({ readyState }) => readyState === 1);
    if (open.length === 0) throw new Error("nobody listens to the stream");
    act(() => {
      for (const { listeners } of open) listeners.get(name)?.({ data: JSON.stringify(data) });
    });
  }
}

/** The whole app in front of a server that a test plays; to be called in a describe or a file of tests. */
export function appInTest() {
  const answers: Answers = {};
  /** What the app asked, as "METHOD path body". */
  const requests: string[] = [];

  beforeEach(() => {
    StreamInTest.all = [];
    requests.length = 0;
    for (const name of Object.keys(answers)) delete answers[name];
    Object.assign<Answers, Answers>(answers, {
      "GET /auth/me": () => Response.json(me),
      "GET /auth/places": () => Response.json({ full: false, waiting: 0 }),
      "GET /billing/status": () => Response.json(bill),
      "GET /billing/exports": () => Response.json({ exports: [] }),
      "GET /billing/invoices": () => Response.json({ invoices: [] }),
      "GET /auth/support": () => Response.json({ until: null, looks: [] }),
      "POST /auth/logout": () => new Response(null, { status: 204 }),
      "GET /api/status": () => Response.json(status("ready")),
      "GET /api/chats": () => Response.json({ chats: [bea] }),
      "GET /api/contacts": () => Response.json({ contacts: [] }),
      [`GET /api/chats/${encodeURIComponent(bea.id)}/messages`]: () =>
        Response.json({ messages: [hello], before: null }),
      [`POST /api/chats/${encodeURIComponent(bea.id)}/read`]: () => Response.json({ ...bea, unread: 0 }),
    });
    vi.stubGlobal("EventSource", StreamInTest);
    vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
      const name = `${init.method} ${path.split("?")[0]}`;
      requests.push(init.body ? `${name} ${init.body}` : name);
      const answer = answers[name];
      if (!answer) throw new Error(`the test has no answer for ${name}`);
      return answer();
    });
  });

  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  return {
    answers,
    requests,
    show: (path: string) => {
      window.history.replaceState(null, "", path);
      return render(<App />);
    },
    heading: (name: string | RegExp) => screen.findByRole("heading", { level: 1, name }),
  };
}
