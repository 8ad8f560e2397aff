import { openSource, type Source, type StreamHandlers } from "./source";
import type { StreamEvent } from "./streamEvent";

/** What tabs say to each other. */
type TabMessage =
  | { type: "event"; event: StreamEvent }
  | { type: "reset" }
  | { type: "live"; live: boolean }
  | { type: "refused" }
  /** From a visible tab that does not lead. */
  | { type: "want" }
  /** From a leader that nobody looks at. */
  | { type: "hidden" };

export interface Channel {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

/** What the shared stream needs of the browser. */
export interface Environment {
  createSource(): Source;
  createChannel(name: string): Channel;
  /** undefined where the browser has none: then every tab opens its own stream. */
  locks: Pick<LockManager, "request"> | undefined;
  isVisible(): boolean;
  /** Calls back when the tab is shown or hidden, and with `woken` when the browser had frozen it. */
  onVisibility(changed: (woken: boolean) => void): () => void;
}

/** How long a hidden tab still counts as used, in milliseconds. */
export const hiddenGrace = 60_000;
/** How long a visible tab waits for a sign of the leader before it takes the lead. */
export const leaderSilence = 5_000;
/** How long a visible tab trusts the last sign of the leader before it asks for another. */
export const leaderCheck = 30_000;

/**
 * One event stream for all tabs of a browser, so that ten tabs cost what one
 * does, and none once nobody has looked at any of them for a minute.
 *
 * Every tab in use queues for one Web Lock; who holds it leads: it alone has the
 * EventSource and passes on what arrives. A tab hidden for `hiddenGrace` leaves
 * the queue and sleeps; when shown again it starts with a reset. A hidden leader
 * hands over to a visible tab at once, and one that the browser has frozen while
 * leading, which cannot, has the lock taken from it.
 */
export class SharedStream {
  private channel: Channel | null = null;
  private asleep = true;
  private live = false;
  /** Ends the lead or the wait for it; null when this tab does neither. */
  private leaveQueue: (() => void) | null = null;
  private leading = false;
  private closeSource: (() => void) | null = null;
  private sleepTimer: ReturnType<typeof setTimeout> | undefined;
  private leaderTimer: ReturnType<typeof setTimeout> | undefined;
  private stopWatching: (() => void) | null = null;

  constructor(
    private readonly name: string,
    private readonly handlers: StreamHandlers,
    private readonly env: Environment,
  ) {}

  /** Starts listening. The caller fetches its data afterwards, so that no event falls between. */
  start(): void {
    this.channel = this.env.createChannel(this.name);
    this.channel.onmessage = ({ data }: MessageEvent<TabMessage>) => this.hear(data);
    this.stopWatching = this.env.onVisibility((woken) => this.visibilityChanged(woken));
    this.asleep = false;
    this.queue(false);
    this.visibilityChanged(false);
  }

  stop(): void {
    this.stopWatching?.();
    this.leave();
    this.channel?.close();
    this.channel = null;
    this.asleep = true;
    clearTimeout(this.sleepTimer);
  }

  private visibilityChanged(woken: boolean): void {
    clearTimeout(this.sleepTimer);
    if (!this.env.isVisible()) {
      clearTimeout(this.leaderTimer);
      this.sleepTimer = setTimeout(() => this.sleep(), hiddenGrace);
      if (this.leading) this.post({ type: "hidden" });
      return;
    }
    if (this.asleep || woken) {
      this.asleep = false;
      this.handlers.onReset();
      if (!this.leaveQueue) this.queue(false);
    }
    this.wantLead();
  }

  private sleep(): void {
    this.asleep = true;
    this.leave();
    this.setLive(false);
  }

  /** Asks a hidden leader to hand over, and takes the lead from one that is silent. */
  private wantLead(): void {
    clearTimeout(this.leaderTimer);
    if (this.leading || !this.env.locks) return;
    this.post({ type: "want" });
    this.leaderTimer = setTimeout(() => {
      this.leave();
      this.queue(true);
    }, leaderSilence);
  }

  private queue(steal: boolean): void {
    if (!this.env.locks) {
      this.lead();
      this.leaveQueue = () => this.closeSource?.();
      return;
    }
    const waiting = new AbortController();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const leave = () => {
      waiting.abort();
      this.closeSource?.();
      release();
    };
    this.leaveQueue = leave;

    // The browser refuses a signal together with steal, which never waits anyway.
    this.env.locks
      .request(this.name, steal ? { steal } : { signal: waiting.signal }, () => {
        if (this.leaveQueue !== leave) return;
        this.lead();
        return held;
      })
      .catch(() => {
        // Rejected when this tab left the queue, or when another stole the lock.
        if (this.leaveQueue !== leave) return;
        this.leave();
        if (!this.asleep) this.queue(false);
      });
  }

  private lead(): void {
    this.leading = true;
    clearTimeout(this.leaderTimer);
    this.closeSource = openSource(this.env.createSource, {
      onEvent: (event) => this.tell({ type: "event", event }),
      onReset: () => this.tell({ type: "reset" }),
      onLive: (live) => this.tell({ type: "live", live }),
      // The leader's alone: whoever asks anew tells the other tabs.
      onAnnouncements: () => this.handlers.onAnnouncements(),
      onRefused: async () => {
        this.post({ type: "refused" });
        await this.handlers.onRefused();
      },
    });
    if (!this.env.isVisible()) this.post({ type: "hidden" });
  }

  private leave(): void {
    const leave = this.leaveQueue;
    this.leaveQueue = null;
    this.leading = false;
    clearTimeout(this.leaderTimer);
    leave?.();
    this.closeSource = null;
  }

  private hear(message: TabMessage): void {
    if (this.asleep) return;
    switch (message.type) {
      case "want":
        if (!this.leading) return;
        if (this.env.isVisible()) {
          this.post({ type: "live", live: this.live });
        } else {
          this.leave();
          this.queue(false);
        }
        return;
      case "hidden":
        if (!this.leading && this.env.isVisible()) this.wantLead();
        return;
      default:
        clearTimeout(this.leaderTimer);
        if (this.env.isVisible()) this.leaderTimer = setTimeout(() => this.wantLead(), leaderCheck);
        this.take(message);
    }
  }

  /** Takes what arrived on the stream, and passes it on to the other tabs. */
  private tell(message: TabMessage): void {
    this.post(message);
    this.take(message);
  }

  private take(message: TabMessage): void {
    if (message.type === "event") this.handlers.onEvent(message.event);
    if (message.type === "reset") this.handlers.onReset();
    if (message.type === "live") this.setLive(message.live);
    if (message.type === "refused") void this.handlers.onRefused();
  }

  private setLive(live: boolean): void {
    if (this.live === live) return;
    this.live = live;
    this.handlers.onLive(live);
  }

  private post(message: TabMessage): void {
    this.channel?.postMessage(message);
  }
}
