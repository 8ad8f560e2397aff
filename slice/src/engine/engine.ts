import type { Readable } from "node:stream";
import type { Ack, Contact, Engine as EngineName, Message, PairingCode, Qr, Sync, WaState } from "../api.js";
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
  /** Whether something plays the part of WhatsApp. */
  readonly standIn: boolean;
  status(): EngineStatus;
  /**
   * Asks the page whether it lives, now, and begins a dead one anew. Resolves with whether it
   * answered as it should; false where there is none.
   */
  probe(): Promise<boolean>;
  /** Nobody is here: frees what the session holds only to be fast. */
  rest(): Promise<void>;
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
   * A code to type on the phone of that number ("+15550100001") instead of scanning. Throws a
   * Refusal (409) unless the state is `qr`, (400) when WhatsApp refuses the number.
   */
  pairingCode(phoneNumber: string): Promise<PairingCode>;
  /**
   * Hands a stored message over; resolves when WhatsApp has it. The id is ours and WhatsApp
   * keeps it, so handing the same message over again after a crash makes no second one.
   * `file` is the path of the message's file, if it has media. Rejects with NotConnected when
   * it must be tried again later, with anything else when WhatsApp refuses it for good.
   */
  send(message: Message, file: string | null): Promise<void>;
  /**
   * The file of a message. Rejects with NotConnected when it must be tried again later, with
   * MediaGone when WhatsApp does not have it any more. The stream holds at most a few MB at a time.
   */
  download(message: Message): Promise<Readable>;
  /** Tells WhatsApp that a chat was read. Does nothing while not connected. */
  seen(chatId: string): Promise<void>;
  /**
   * Unlinks the phone and deletes the session's profile and its snapshots; the state is then
   * `logged_out`, reason `data_deleted`. What WhatsApp does not answer in time is deleted here all the same.
   */
  logout(): Promise<void>;
  /** When the profile was last copied aside, and putting it back. Throws a Refusal (409) without one. */
  snapshotAt(): string | null;
  restore(): Promise<void>;
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

/** WhatsApp does not have the file any more. */
export class MediaGone extends Error {
  constructor() {
    super("WhatsApp does not have this file any more.");
    this.name = "MediaGone";
  }
}

/** Which message is meant. */
export type MessageKey = Pick<Message, "id" | "chatId">;

/**
 * A message that came in, and the contact that its chat is with (for a group: the group, its
 * phoneNumber null). Own messages written on the phone come in too; they count as read.
 */
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
  /** The newest stored message of every chat, by chat id: what is newer was missed. */
  newest(): Promise<Map<string, { id: string; at: string }>>;
  /** Storing the same message again changes nothing. */
  received(received: Received): Promise<void>;
  acked(message: MessageKey, ack: Ack): Promise<void>;
}
