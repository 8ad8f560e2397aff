import { backoff } from "./backoff";
import { eventNames, parseEvent, type StreamEvent } from "./streamEvent";

/** What the stream tells its owner. */
export interface StreamHandlers {
  onEvent(event: StreamEvent): void;
  /** Something may have been missed: fetch everything anew. */
  onReset(): void;
  /** Whether events arrive at this moment. */
  onLive(live: boolean): void;
  /** Something is announced to everybody, or no longer is. */
  onAnnouncements(): void;
  /** The server ended the stream for good (logged out elsewhere) or refused it: check the session. */
  onRefused(): Promise<void>;
}

/** The part of the browser's EventSource that is used here. */
export interface Source {
  readonly readyState: number;
  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

const closed = 2;

/**
 * Keeps one event stream open until the returned function is called.
 *
 * The browser itself reconnects a stream that broke, and resumes it by
 * Last-Event-ID. One that was refused (any status but 200) it gives up: then the
 * session is checked and a new stream opened with back-off. A new stream cannot
 * resume, so it starts with a reset.
 */
export function openSource(create: () => Source, handlers: StreamHandlers): () => void {
  let source: Source | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let refusals = 0;
  let stopped = false;

  const open = () => {
    const current = create();
    let opened = false;
    source = current;

    current.addEventListener("open", () => {
      handlers.onLive(true);
      if (!opened) handlers.onReset();
      opened = true;
    });
    current.addEventListener("error", () => {
      handlers.onLive(false);
      if (current.readyState === closed) void reopen();
    });
    current.addEventListener("reset", () => handlers.onReset());
    current.addEventListener("announcements", () => handlers.onAnnouncements());
    current.addEventListener("bye", () => {
      handlers.onLive(false);
      void reopen();
    });
    for (const name of eventNames) {
      current.addEventListener(name, ({ data }) => {
        refusals = 0;
        const event = parseEvent(name, data);
        if (event) handlers.onEvent(event);
      });
    }
  };

  const reopen = async () => {
    source?.close();
    source = null;
    await handlers.onRefused();
    if (stopped || source) return;
    clearTimeout(timer);
    timer = setTimeout(open, backoff(refusals++));
  };

  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
    source = null;
  };
}
