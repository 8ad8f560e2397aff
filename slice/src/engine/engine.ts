import type { Ack, Contact, Engine as EngineName, Message, Qr, Sync, WaState } from "../api.js";
import type { NewChat } from "../store/chats.js";

/** Where the WhatsApp session stands, as the engine knows it. */
export interface EngineStatus {
  state: WaState;
  reason: string | null;
  phoneNumber: string | null;
  lastEventAt: string | null;
}

/** A WhatsApp session: the thing behind the inbox. One per slice. */
export interface Engine {
  readonly name: EngineName;
  status(): EngineStatus;
  /** The code to scan now; null unless the state is `qr`. */
  qr(): Qr | null;
  /** Takes up the stored link, or shows codes. Returns at once; what happens then goes to the sink. */
  start(): void;
  /**
   * Begins again from `starting`: a stored link is taken up anew, without one there is a new
   * round of codes. Throws a Refusal (409) when the state is `ready`.
   */
  restart(): void;
  /**
   * Hands a stored message over; resolves when WhatsApp has it. The id is ours and WhatsApp
   * keeps it, so handing the same message over again after a crash makes no second one.
   * Rejects with NotConnected when it must be tried again later, with anything else when
   * WhatsApp refuses it for good.
   */
  send(message: Message): Promise<void>;
  /** Ends the session's work without unlinking it. Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

/** WhatsApp could not be reached: the message is still to be sent. */
export class NotConnected extends Error {
  constructor() {
    super("WhatsApp is not connected.");
    this.name = "NotConnected";
  }
}

/** Which message is meant. */
export type MessageKey = Pick<Message, "id" | "chatId">;

/** A received message, and who it is from. */
export interface Received {
  message: Message;
  contact: Contact;
}

/** A part of the address book and of the conversations that came in by a sync. Chats stand before their messages. */
export interface SyncBatch {
  contacts: Contact[];
  chats: NewChat[];
  messages: Message[];
}

/** Where an engine puts what WhatsApp tells. The promises resolve after the commit, however long Postgres is away. */
export interface EngineSink {
  /** The state, its reason or the number has changed. */
  statusChanged(): void;
  /** There is a new code. */
  qrChanged(qr: Qr): void;
  store(batch: SyncBatch): Promise<void>;
  synced(progress: Sync): void;
  /** Storing the same message again changes nothing. */
  received(received: Received): Promise<void>;
  acked(message: MessageKey, ack: Ack): Promise<void>;
}
