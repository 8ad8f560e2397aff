import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type Channel,
  type Environment,
  hiddenGrace,
  leaderCheck,
  leaderSilence,
  SharedStream,
} from "./sharedStream";
import type { Source } from "./source";

/** An event stream that the test plays the server of. */
class FakeSource implements Source {
  readyState = 0;
  private readonly listeners = new Map<string, ((event: MessageEvent<string>) => void)[]>();

  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  close(): void {
    this.readyState = 2;
  }

  emit(name: string, data: unknown = {}): void {
    const event = { data: JSON.stringify(data) } as MessageEvent<string>;
    for (const listener of this.listeners.get(name) ?? []) listener(event);
  }

  open(): void {
    this.readyState = 1;
    this.emit("open");
  }
}

interface Waiter {
  grant(): void;
  evict(): void;
}

/** Web Locks of one name, as the standard says: a queue, abort by signal, steal. */
class FakeLocks {
  private queue: Waiter[] = [];
  private holder: Waiter | null = null;

  readonly request = ((_name: string, options: LockOptions, callback: () => Promise<void> | undefined) =>
    new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        grant: () => {
          this.holder = waiter;
          Promise.resolve(callback()).then(() => {
            if (this.holder === waiter) this.release();
            resolve();
          });
        },
        evict: () => reject(new DOMException("stolen", "AbortError")),
      };
      options.signal?.addEventListener("abort", () => {
        if (!this.queue.includes(waiter)) return;
        this.queue = this.queue.filter((other) => other !== waiter);
        reject(new DOMException("aborted", "AbortError"));
      });
      if (options.steal) {
        const evicted = this.holder;
        this.holder = waiter;
        evicted?.evict();
        queueMicrotask(waiter.grant);
      } else {
        this.queue.push(waiter);
        if (!this.holder) this.release();
      }
    })) as LockManager["request"];

  private release(): void {
    this.holder = this.queue.shift() ?? null;
    if (this.holder) queueMicrotask(this.holder.grant);
  }
}

class FakeBrowser {
  readonly locks = new FakeLocks();
  readonly tabs: Tab[] = [];
  readonly sources: FakeSource[] = [];

  /** The streams that the server would count now. */
  get open(): FakeSource[] {
    return this.sources.filter(({ readyState }) => readyState !== 2);
  }

  get stream(): FakeSource {
    const [source, ...others] = this.open;
    if (!source || others.length > 0) throw new Error(`there are ${this.open.length} streams and not one`);
    return source;
  }
}

class Tab {
  readonly heard: string[] = [];
  readonly live: boolean[] = [];
  refused = 0;
  readonly stream: SharedStream;
  visible: boolean;
  frozen = false;
  private changed: (woken: boolean) => void = () => {};
  private channel: Channel | null = null;

  constructor(
    private readonly browser: FakeBrowser,
    { visible = true, locks = true } = {},
  ) {
    this.visible = visible;
    browser.tabs.push(this);
    const environment: Environment = {
      createSource: () => {
        const source = new FakeSource();
        browser.sources.push(source);
        return source;
      },
      createChannel: () => {
        this.channel = { postMessage: (message) => this.post(message), onmessage: null, close: () => {} };
        return this.channel;
      },
      locks: locks ? browser.locks : undefined,
      isVisible: () => this.visible,
      onVisibility: (changed) => {
        this.changed = changed;
        return () => {
          this.changed = () => {};
        };
      },
    };
    this.stream = new SharedStream("events", this.handlers(), environment);
    this.stream.start();
  }

  private handlers() {
    return {
      onEvent: ({ name, data }: { name: string; data: object }) => {
        this.heard.push(`${name} ${JSON.stringify(data)}`);
      },
      onReset: () => {
        this.heard.push("reset");
      },
      onLive: (live: boolean) => {
        this.live.push(live);
      },
      onAnnouncements: () => {
        this.heard.push("announcements");
      },
      onRefused: async () => {
        this.refused++;
      },
    };
  }

  private post(message: unknown): void {
    const copy = structuredClone(message);
    for (const tab of this.browser.tabs) {
      if (tab === this) continue;
      queueMicrotask(() => {
        if (!tab.frozen) tab.channel?.onmessage?.({ data: copy } as MessageEvent);
      });
    }
  }

  async show(): Promise<void> {
    this.visible = true;
    this.changed(false);
    await settle();
  }

  async hide(): Promise<void> {
    this.visible = false;
    this.changed(false);
    await settle();
  }
}

const settle = () => vi.advanceTimersByTimeAsync(0);
const contact = (id: string) => ({ id, name: id, phoneNumber: null });

describe("SharedStream", () => {
  let browser: FakeBrowser;

  beforeEach(() => {
    vi.useFakeTimers();
    browser = new FakeBrowser();
  });

  afterEach(() => {
    for (const tab of browser.tabs) tab.stream.stop();
    vi.useRealTimers();
  });

  const tab = async (options?: { visible?: boolean; locks?: boolean }) => {
    const made = new Tab(browser, options);
    await settle();
    return made;
  };

  it("opens one stream for three tabs, and all of them hear each event once", async () => {
    const tabs = [await tab(), await tab(), await tab()];
    browser.stream.open();
    browser.stream.emit("contact", contact("a"));
    await settle();

    expect(browser.sources).toHaveLength(1);
    for (const { heard, live } of tabs) {
      expect(heard).toEqual(["reset", `contact ${JSON.stringify(contact("a"))}`]);
      expect(live).toEqual([true]);
    }
  });

  it("passes on the server's reset, and does not stumble over data that is no JSON object", async () => {
    const [leader, other] = [await tab(), await tab()];
    browser.stream.open();
    browser.stream.emit("reset");
    browser.stream.emit("contact", "no object");
    await settle();
    expect(leader.heard).toEqual(["reset", "reset"]);
    expect(other.heard).toEqual(["reset", "reset"]);
  });

  it("hands the stream over when the leader's tab closes, with a reset", async () => {
    const [leader, other] = [await tab(), await tab()];
    browser.stream.open();
    await settle();
    leader.stream.stop();
    await settle();

    expect(browser.sources).toHaveLength(2);
    browser.stream.open();
    browser.stream.emit("contact", contact("b"));
    expect(other.heard).toEqual(["reset", "reset", `contact ${JSON.stringify(contact("b"))}`]);
  });

  it("hands the stream to a visible tab at once when the leader is hidden", async () => {
    const [leader, other] = [await tab(), await tab()];
    browser.stream.open();
    await leader.hide();
    expect(browser.sources).toHaveLength(2);
    browser.stream.open();
    browser.stream.emit("contact", contact("c"));
    await settle();
    expect(other.heard.at(-1)).toContain('"c"');
    expect(leader.heard.at(-1)).toContain('"c"');
  });

  it("keeps the stream with a hidden leader when no other tab is there, for a minute only", async () => {
    const only = await tab();
    browser.stream.open();
    await only.hide();
    await vi.advanceTimersByTimeAsync(hiddenGrace - 1);
    expect(browser.open).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(browser.open).toHaveLength(0);
    expect(only.live).toEqual([true, false]);
  });

  it("opens again with a reset when a tab that slept is shown", async () => {
    const only = await tab();
    browser.stream.open();
    await only.hide();
    await vi.advanceTimersByTimeAsync(hiddenGrace);
    only.heard.length = 0;
    await only.show();
    expect(only.heard).toEqual(["reset"]);
    expect(browser.open).toHaveLength(1);
  });

  it("does not close for a tab that was hidden for less than a minute", async () => {
    const only = await tab();
    browser.stream.open();
    await only.hide();
    await vi.advanceTimersByTimeAsync(hiddenGrace - 1);
    await only.show();
    await vi.advanceTimersByTimeAsync(hiddenGrace);
    expect(browser.sources).toHaveLength(1);
    expect(browser.open).toHaveLength(1);
  });

  it("lives on while one of several tabs is visible, whoever leads", async () => {
    const [first, second, third] = [await tab(), await tab(), await tab()];
    browser.stream.open();
    await first.hide();
    await third.hide();
    await vi.advanceTimersByTimeAsync(hiddenGrace * 3);
    browser.stream.open();
    browser.stream.emit("contact", contact("d"));
    await settle();
    expect(second.heard.at(-1)).toContain('"d"');
    expect(first.heard.join()).not.toContain('"d"');
  });

  it("moves the lead on until a visible tab has it", async () => {
    const [first, second, third] = [await tab(), await tab(), await tab()];
    browser.stream.open();
    await second.hide();
    await first.hide();
    // The second was next in the queue, but nobody looks at it.
    expect(browser.sources).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(hiddenGrace);
    expect(browser.sources).toHaveLength(3);
    browser.stream.open();
    browser.stream.emit("contact", contact("e"));
    expect(third.heard.at(-1)).toContain('"e"');
  });

  it("takes the lead from a tab that the browser has frozen", async () => {
    const [leader, other] = [await tab(), await tab({ visible: false })];
    browser.stream.open();
    await settle();
    leader.visible = false;
    leader.frozen = true;
    await other.show();
    expect(browser.sources).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(leaderSilence);
    expect(browser.sources).toHaveLength(2);
    expect(browser.open).toHaveLength(1);
  });

  it("notices a leader that freezes while another tab is looked at", async () => {
    const [leader, other] = [await tab(), await tab()];
    browser.stream.open();
    await settle();
    leader.frozen = true;
    await vi.advanceTimersByTimeAsync(leaderCheck + leaderSilence);
    expect(browser.sources).toHaveLength(2);
    browser.stream.open();
    expect(other.heard).toEqual(["reset", "reset"]);
  });

  it("leaves the lead with a visible leader that has nothing to tell", async () => {
    await tab();
    browser.stream.open();
    await tab();
    await vi.advanceTimersByTimeAsync(leaderCheck * 4);
    expect(browser.sources).toHaveLength(1);
  });

  it("tells a tab that joins later whether events arrive", async () => {
    await tab();
    browser.stream.open();
    expect((await tab()).live).toEqual([true]);
  });

  it("checks the session and opens again with back-off after a refusal, more slowly each time", async () => {
    const [leader, other] = [await tab(), await tab()];
    const refuse = async () => {
      const source = browser.stream;
      source.readyState = 2;
      source.emit("error");
      await settle();
    };
    await refuse();
    expect([leader.refused, other.refused]).toEqual([1, 1]);
    expect(browser.open).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(browser.sources).toHaveLength(2);
    await refuse();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(browser.sources).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(browser.sources).toHaveLength(3);
  });

  it("leaves a reconnect to the browser where the stream only broke", async () => {
    const only = await tab();
    browser.stream.open();
    browser.stream.readyState = 0;
    browser.stream.emit("error");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(only.refused).toBe(0);
    expect(browser.sources).toHaveLength(1);
    browser.stream.open();
    // The browser resumed by Last-Event-ID, so nothing is fetched anew.
    expect(only.heard).toEqual(["reset"]);
    expect(only.live).toEqual([true, false, true]);
  });

  it("asks every tab to check the session when the server says bye", async () => {
    const [leader, other] = [await tab(), await tab()];
    browser.stream.open();
    browser.stream.emit("bye");
    await settle();
    expect([leader.refused, other.refused]).toEqual([1, 1]);
    expect(browser.open).toHaveLength(0);
  });

  it("tells one tab alone of announcements", async () => {
    const [leader, other] = [await tab(), await tab()];
    browser.stream.open();
    browser.stream.emit("announcements");
    await settle();
    expect(leader.heard).toEqual(["reset", "announcements"]);
    expect(other.heard).toEqual(["reset"]);
  });

  it("gives each tab a stream of its own where the browser has no locks", async () => {
    const lone = await tab({ locks: false });
    await tab({ locks: false });
    expect(browser.open).toHaveLength(2);
    await lone.hide();
    await vi.advanceTimersByTimeAsync(hiddenGrace);
    expect(browser.open).toHaveLength(1);
  });
});
