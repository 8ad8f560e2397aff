// Keeps the page up to date while somebody looks at it. The server renders: what comes are elements of the
// page, each under its name in data-live, from our own origin alone.

// What a stream is told (functions/admin/live).
interface Change {
  all?: boolean;
  same?: boolean;
  parts?: Record<string, string>;
  clock?: Record<string, string>;
  left?: string[];
  gone?: string[];
}

// Between two attempts to connect.
const firstWait = 2_000;
const longestWait = 60_000;

const linesKept = 1000;

export function keepLive(page: Document): void {
  const status = page.querySelector<HTMLElement>("[data-live-stream]");
  if (status) new Live(page, status).start();
}

class Live {
  private source: EventSource | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private wait = firstWait;
  private over = false;
  private fresh = true; // the page is as it was loaded
  private pressed = false;
  private readonly held = new Map<string, () => void>(); // changes that wait for a hand to leave

  constructor(
    private readonly page: Document,
    private readonly status: HTMLElement,
  ) {}

  start(): void {
    this.status.setAttribute("role", "status");
    this.page.querySelector("[data-live-instead]")?.remove();
    this.page.addEventListener("visibilitychange", () => (this.page.hidden ? this.close() : this.open()));
    // A page that is kept for the way back must not hold a stream.
    this.page.defaultView?.addEventListener("pagehide", () => this.close());
    this.page.defaultView?.addEventListener("pageshow", () => this.open());
    for (const [event, pressed] of [
      ["pointerdown", true],
      ["pointerup", false],
      ["pointercancel", false],
    ] as const) {
      this.page.addEventListener(event, () => {
        this.pressed = pressed;
        // The click comes after pointerup.
        if (!pressed) setTimeout(() => this.release());
      });
    }
    for (const event of ["pointerout", "focusout"]) {
      this.page.addEventListener(event, () => this.held.size > 0 && setTimeout(() => this.release()));
    }
    this.open();
  }

  private open(): void {
    if (this.source || this.over || this.page.hidden) return;
    clearTimeout(this.again);
    const source = new EventSource(this.address());
    this.source = source;
    this.say("warn", "Not live: connecting");
    source.addEventListener("change", (event) => this.take(JSON.parse(event.data) as Change));
    source.addEventListener("lines", (event) =>
      this.append((JSON.parse(event.data) as { html: string }).html, event.lastEventId),
    );
    source.addEventListener("reset", () => this.say("warn", "Not live: the server asks the database again"));
    source.addEventListener("bye", () => {
      this.over = true;
      this.close();
      this.say(
        "bad",
        "Not live: the session is over, or the second factor is asked for again. Load the page anew.",
      );
    });
    source.addEventListener("open", () => {
      // A log has nothing to say until a line comes.
      if (this.page.querySelector("[data-live-lines]")) this.live();
    });
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.close(); // or it would come back to the address of the page as it was loaded
      this.say("warn", "Not live: reconnecting");
      this.again = setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(2 * this.wait, longestWait);
    });
  }

  private close(): void {
    clearTimeout(this.again);
    this.source?.close();
    this.source = undefined;
  }

  // address leaves out what was true only of the page as it was loaded.
  private address(): string {
    const address = this.status.dataset.liveStream ?? "";
    if (this.fresh) return address;
    const url = new URL(address, this.page.baseURI);
    url.searchParams.delete("shown");
    const last = this.status.dataset.liveLast;
    if (last) url.searchParams.set("after", last);
    return url.pathname + url.search;
  }

  private live(): void {
    this.wait = firstWait;
    this.say("ok", "Live");
  }

  private say(level: "ok" | "warn" | "bad", words: string): void {
    if (this.status.querySelector(".mark")?.textContent === words) return;
    const mark = this.page.createElement("span");
    mark.className = `mark ${level}`;
    mark.textContent = words;
    this.status.replaceChildren(mark);
    const note = this.status.dataset.liveNote;
    if (level === "ok" && note) this.status.append(` ${note}`);
  }

  private take(change: Change): void {
    this.fresh = false;
    this.live();
    const parts = change.parts ?? {};
    for (const [name, html] of Object.entries(parts)) this.set(name, html);
    for (const [name, words] of Object.entries(change.clock ?? {})) {
      this.change(name, () => {
        const clock = this.find(name)?.querySelector("[data-clock]");
        if (clock && clock.textContent !== words) clock.textContent = words;
      });
    }
    if (change.all && !change.same) {
      for (const tile of this.page.querySelectorAll<HTMLElement>("[data-live-more] > [data-live]")) {
        const name = tile.dataset.live ?? "";
        if (!(name in parts)) this.mark(name, "not in this list any more");
      }
    }
    for (const name of change.left ?? []) this.mark(name, "not in this list any more");
    for (const name of change.gone ?? []) this.mark(name, "is no more");
  }

  // change does something to a part at once, or when no hand is on it: what is pressed is what was seen.
  private change(name: string, act: () => void): void {
    const waiting = this.held.get(name);
    this.held.set(name, () => {
      waiting?.();
      act();
    });
    this.release();
  }

  private release(): void {
    if (this.pressed || this.held.size === 0) return;
    for (const [name, act] of this.held) {
      const part = this.find(name);
      if (part?.querySelector("form") && (part.matches(":hover") || part.contains(this.page.activeElement)))
        continue;
      this.held.delete(name);
      act();
    }
  }

  private find(name: string): HTMLElement | null {
    return this.page.querySelector<HTMLElement>(`[data-live="${CSS.escape(name)}"]`);
  }

  private set(name: string, html: string): void {
    this.change(name, () => {
      const now = this.element(html);
      if (!now) return;
      const before = this.find(name);
      if (!before) {
        const list = this.page.querySelector("[data-live-more]");
        if (!list) return;
        this.remark(now, "new here");
        list.append(now);
        return;
      }
      if (before.isEqualNode(now)) return;
      const focused = before.contains(this.page.activeElement);
      const way = focused ? this.wayTo(before, this.page.activeElement) : [];
      before.replaceWith(now);
      if (focused) this.follow(now, way)?.focus({ preventScroll: true });
    });
  }

  private mark(name: string, words: string): void {
    this.change(name, () => {
      const tile = this.find(name);
      if (!tile || tile.querySelector("[data-live-mark]")) return;
      this.remark(tile, words);
    });
  }

  // remark says something of a tile, inside of it.
  private remark(tile: HTMLElement, words: string): void {
    const remark = this.page.createElement("span");
    remark.className = "mark";
    remark.dataset.liveMark = "";
    remark.textContent = words;
    (tile.querySelector("a") ?? tile).append(remark);
  }

  // element reads one element; in a template nothing of it runs or loads.
  private element(html: string): HTMLElement | undefined {
    const template = this.page.createElement("template");
    template.innerHTML = html;
    const found = template.content.firstElementChild;
    return found instanceof HTMLElement ? found : undefined;
  }

  // wayTo and follow find in a new element what was at the same place in the old one.
  private wayTo(top: Element, inner: Element | null): number[] {
    const way: number[] = [];
    for (let at = inner; at && at !== top; at = at.parentElement) {
      way.unshift(at.parentElement ? [...at.parentElement.children].indexOf(at) : 0);
    }
    return way;
  }

  private follow(top: HTMLElement, way: number[]): HTMLElement | undefined {
    let at: Element | undefined = top;
    for (const step of way) at = at?.children[step];
    return at instanceof HTMLElement ? at : undefined;
  }

  private append(html: string, last: string): void {
    this.fresh = false;
    this.live();
    this.status.dataset.liveLast = last;
    const list = this.page.querySelector<HTMLElement>("[data-live-lines]");
    if (!list) return;
    this.page.querySelector("[data-live-none]")?.remove();
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const template = this.page.createElement("template");
    template.innerHTML = html;
    list.append(template.content);
    for (let extra = list.children.length - linesKept; extra > 0; extra--) list.firstElementChild?.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}
