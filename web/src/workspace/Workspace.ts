import { serverNow } from "../api/clock";
import { ApiFailure } from "../api/http";
import type { PairingCode, SliceApi } from "../api/slice";
import { backoff } from "../events/backoff";
import type { StreamHandlers } from "../events/source";
import type { StreamEvent } from "../events/streamEvent";
import { accepted, merge, type ShownMessage } from "./messages";
import {
  applyEvent,
  type Conversation,
  initialState,
  sortChats,
  type WorkspaceState,
  withConversation,
  withStatus,
} from "./state";

/** A slice that does not answer is taken to be restarting for this many tries, some seconds. */
const triesOfARestart = 3;

/** The stream as the workspace uses it. */
export interface Stream {
  start(): void;
  stop(): void;
}

export interface WorkspaceOptions {
  api: SliceApi;
  createStream(handlers: StreamHandlers): Stream;
  /** Asks again who is logged in and which slice is theirs. */
  checkSession(): Promise<void>;
  /** Told when something is announced to everybody, or no longer is. */
  onAnnouncements(): void;
  /** What is typed and not sent, by chat id. */
  drafts: Map<string, string>;
}

/**
 * The app's copy of one slice's data: what was fetched, kept current by the
 * event stream. It is a store of its own and no request cache, because nearly
 * every change arrives by an event and not by an answer.
 */
export class Workspace {
  private state: WorkspaceState = initialState;
  private readonly listeners = new Set<() => void>();
  private stream: Stream | null = null;
  private openChatId: string | null = null;
  private fetching = false;
  private fetchAgain = false;
  private tries = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private localIds = 0;
  /** Events that came while a fetch was under way, whose answer may be older than they are. */
  private eventsDuringFetch: StreamEvent[] = [];

  /** What is typed and not sent, by chat id. */
  readonly drafts: Map<string, string>;

  constructor(private readonly options: WorkspaceOptions) {
    this.drafts = options.drafts;
  }

  readonly getState = (): WorkspaceState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(): void {
    this.stream = this.options.createStream({
      onEvent: (event) => this.take(event),
      onReset: () => this.refetch(),
      onLive: (live) => this.update({ ...this.state, live }),
      onAnnouncements: () => this.options.onAnnouncements(),
      onRefused: () => this.options.checkSession(),
    });
    this.stream.start();
    this.refetch();
  }

  stop(): void {
    clearTimeout(this.retryTimer);
    this.stream?.stop();
    this.stream = null;
  }

  /** Fetches everything that is shown; while the slice is down it goes on trying with back-off. */
  readonly refetch = (): void => {
    if (this.fetching) {
      this.fetchAgain = true;
      return;
    }
    clearTimeout(this.retryTimer);
    void this.fetchAll();
  };

  private async fetchAll(): Promise<void> {
    const { api } = this.options;
    this.fetching = true;
    this.fetchAgain = false;
    this.eventsDuringFetch = [];
    try {
      const status = await this.call(api.status());
      const qr = status.state === "qr" ? await this.call(api.qr()).catch(ignoreMissing) : null;
      const { chats } = await this.call(api.chats());
      const contacts = this.state.contacts && (await this.call(api.contacts())).contacts;
      const next = {
        ...withStatus(this.state, status),
        qr,
        chats: sortChats(chats),
        contacts,
        trouble: null,
      };
      this.update(this.eventsDuringFetch.reduce(applyEvent, next));
      this.tries = 0;
      await this.refetchConversations();
    } catch (error) {
      this.fetchFailed(error);
    } finally {
      this.fetching = false;
      this.eventsDuringFetch = [];
    }
    if (this.fetchAgain) this.refetch();
  }

  private fetchFailed(error: unknown): void {
    if (!(error instanceof ApiFailure)) throw error;
    this.update({ ...this.state, trouble: error.status === 0 ? "offline" : "restarting" });
    // One that stays away is perhaps not restarting, but being moved or stopped.
    if ((error.status === 502 || error.status === 504) && this.tries >= triesOfARestart) {
      void this.options.checkSession();
    }
    if (this.stream) this.retryTimer = setTimeout(this.refetch, backoff(this.tries++));
  }

  private async refetchConversations(): Promise<void> {
    const open = this.openChatId;
    const conversations = new Map([...this.state.conversations].filter(([id]) => id === open));
    this.update({ ...this.state, conversations });
    if (open) await this.fetchNewest(open);
  }

  /** Shows a chat: its newest messages are read, and read again after a gap in the events. */
  async openChat(chatId: string): Promise<void> {
    this.openChatId = chatId;
    if (!this.state.conversations.get(chatId)?.loaded) await this.fetchNewest(chatId);
  }

  closeChat(chatId: string): void {
    if (this.openChatId === chatId) this.openChatId = null;
  }

  /** Reads the newest page again after it could not be read. */
  async fetchNewest(chatId: string): Promise<void> {
    this.change(chatId, (conversation) => ({ ...conversation, problem: null }));
    try {
      const page = await this.call(this.options.api.messages(chatId, null));
      this.change(chatId, (known) => {
        const fetched = new Set(page.messages.map(({ id }) => id));
        const joins = known.messages.some(({ id }) => fetched.has(id));
        const unsent = known.messages.filter(({ sending, problem }) => sending || problem);
        return {
          messages: merge(joins ? known.messages : unsent, page.messages),
          before: joins && known.loaded ? known.before : page.before,
          loaded: true,
          problem: null,
        };
      });
    } catch (error) {
      this.change(chatId, (conversation) => ({ ...conversation, problem: sentence(error) }));
    }
  }

  /** Reads the page before the oldest message that is shown. */
  async loadOlder(chatId: string): Promise<void> {
    const before = this.state.conversations.get(chatId)?.before;
    if (!before) return;
    try {
      const page = await this.call(this.options.api.messages(chatId, before));
      this.change(chatId, (conversation) => ({
        ...conversation,
        messages: merge(conversation.messages, page.messages),
        before: page.before,
        problem: null,
      }));
    } catch (error) {
      this.change(chatId, (conversation) => ({ ...conversation, problem: sentence(error) }));
    }
  }

  /** Sends into a chat; shown at once, and marked where it fails. */
  async send(chatId: string, text: string, file: File | null = null, key = newKey()): Promise<void> {
    const local = this.localMessage(chatId, text, file, key);
    this.change(chatId, (conversation) => ({
      ...conversation,
      messages: merge(conversation.messages, [local]),
    }));
    try {
      const { api } = this.options;
      const request = { to: chatId, text };
      const onProgress = (progress: number) => this.progressed(local, progress);
      const message = await this.call(
        file ? api.sendFile(request, file, key, { onProgress }) : api.send(request, key),
      );
      this.change(chatId, (conversation) => ({
        ...conversation,
        messages: accepted(conversation.messages, local.id, message),
      }));
      this.take({ name: "message", data: message });
    } catch (error) {
      const failed: ShownMessage = { ...local, ack: "failed", problem: sentence(error) };
      delete failed.sending;
      this.change(chatId, ({ messages, ...rest }) => ({
        ...rest,
        // One that is gone by now was sent all the same: its event came, only the answer did not.
        messages: messages.map((message) => (message.id === local.id ? failed : message)),
      }));
    }
  }

  /** Sends to a phone number or contact; gives the id of the chat. Throws ApiFailure. */
  async startChat(to: string, text: string): Promise<string> {
    const message = await this.call(this.options.api.send({ to, text }, newKey()));
    this.take({ name: "message", data: message });
    return message.chatId;
  }

  async retry(message: ShownMessage): Promise<void> {
    this.discard(message);
    // The same request: the first one may have arrived, and only its answer was lost.
    await this.send(message.chatId, message.text, message.file ?? null, message.key);
  }

  /** Takes a message that could not be sent off the screen. */
  discard(message: ShownMessage): void {
    this.change(message.chatId, (conversation) => ({
      ...conversation,
      messages: conversation.messages.filter(({ id }) => id !== message.id),
    }));
  }

  /** Marks a chat's messages as read; a failure is left to the next time it is opened. */
  async markRead(chatId: string): Promise<void> {
    try {
      this.take({ name: "chat", data: await this.call(this.options.api.markRead(chatId)) });
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
    }
  }

  /** Throws ApiFailure. */
  async loadContacts(): Promise<void> {
    const { contacts } = await this.call(this.options.api.contacts());
    this.update({ ...this.state, contacts });
  }

  /** Starts the linking over, with a new round of codes. Throws ApiFailure. */
  async restart(): Promise<void> {
    await this.call(this.options.api.restart());
    this.refetch();
  }

  /** Scans the code with the simulated phone. Throws ApiFailure. */
  async simulateScan(): Promise<void> {
    await this.call(this.options.api.simulateScan());
  }

  /** A code to type on the phone. Throws ApiFailure. */
  pairingCode(phoneNumber: string): Promise<PairingCode> {
    return this.call(this.options.api.pairingCode(phoneNumber));
  }

  /** Puts the copy of the session back. Throws ApiFailure. */
  async restore(): Promise<void> {
    await this.call(this.options.api.restore());
    this.refetch();
  }

  /** Deletes a message's file, to make room. Throws ApiFailure. */
  async discardMedia(id: string): Promise<void> {
    this.take({ name: "message", data: await this.call(this.options.api.discardMedia(id)) });
    this.refetch();
  }

  /** Destroys everything, and shows the workspace as it is then. Throws ApiFailure. */
  async deleteData(): Promise<void> {
    await this.call(this.options.api.deleteData());
    this.update({ ...this.state, chats: [], contacts: null, conversations: new Map() });
    this.refetch();
  }

  private progressed({ id, chatId }: ShownMessage, progress: number): void {
    this.change(chatId, ({ messages, ...rest }) => ({
      ...rest,
      messages: messages.map((message) => (message.id === id ? { ...message, progress } : message)),
    }));
  }

  private localMessage(chatId: string, text: string, file: File | null, key: string): ShownMessage {
    const newest = this.state.conversations.get(chatId)?.messages.at(-1);
    // Never before the newest one, however far this clock is off.
    const at = Math.max(serverNow(), newest ? Date.parse(newest.at) + 1 : 0);
    const id = `local-${++this.localIds}`;
    return {
      id,
      chatId,
      fromMe: true,
      kind: file ? kindOf(file) : "text",
      text,
      at: new Date(at).toISOString(),
      ack: "pending",
      media: file && { state: "pending", mimeType: file.type, fileName: file.name, bytes: file.size },
      author: null,
      sending: true,
      key,
      ...(file && { file, progress: 0 }),
    };
  }

  private take(event: StreamEvent): void {
    if (this.fetching) this.eventsDuringFetch.push(event);
    const before = this.state.status?.state;
    this.update(applyEvent(this.state, event));
    const becameReady = event.name === "status" && event.data.state === "ready" && before !== "ready";
    // What a sync stores is told as counts only, so the lists are read when it is over.
    if (becameReady || (event.name === "sync" && event.data.done)) this.refetch();
  }

  private change(chatId: string, change: (conversation: Conversation) => Conversation): void {
    this.update(withConversation(this.state, chatId, change));
  }

  private update(next: WorkspaceState): void {
    this.state = next;
    for (const listener of this.listeners) listener();
  }

  /** Waits for an answer; one that speaks of the session or of no slice has the session checked. */
  private async call<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof ApiFailure && (error.status === 401 || error.status === 503)) {
        void this.options.checkSession();
      }
      throw error;
    }
  }
}

function ignoreMissing(error: unknown): null {
  if (error instanceof ApiFailure && error.status === 404) return null;
  throw error;
}

function sentence(error: unknown): string {
  if (error instanceof ApiFailure) return error.sentence;
  throw error;
}

function newKey(): string {
  return crypto.randomUUID();
}

/** As the slice will see it. */
function kindOf(file: File): ShownMessage["kind"] {
  if (/^image\/(png|jpeg|webp|gif)$/.test(file.type)) return "image";
  if (file.type === "video/mp4") return "video";
  return file.type.startsWith("audio/") ? "audio" : "document";
}
