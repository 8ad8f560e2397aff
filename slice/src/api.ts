/**
 * The shapes that a slice speaks: its HTTP API on port 4001 (below `/api`), its
 * Socket.IO events on the same port, and the platform's port 4002.
 *
 * Types only, written once: the slice's backend and the web app both import this
 * file. Times are ISO 8601 strings in UTC. Ids of chats and contacts are
 * WhatsApp's own ("15550100001@c.us").
 */

/** Where the WhatsApp session stands. */
export type WaState =
  | "starting"
  | "qr"
  | "authenticated"
  | "ready"
  | "disconnected"
  | "logged_out"
  | "passkey"
  | "restricted"
  | "failed";

/** Which engine the slice runs: the real one or the simulated phone. */
export type Engine = "webjs" | "simulated";

/** `GET /api/status`, and the Socket.IO event `status`. */
export interface Status {
  state: WaState;
  /** Why it is in that state, where there is more to say ("qr_timeout"); else null. */
  reason: string | null;
  /** Since when it is `ready`, or is not any more. ISO 8601, UTC; null: neither since this process began. */
  since: string | null;
  /** The linked number with its plus sign ("+15550100000"); null until linked. */
  phoneNumber: string | null;
  /** Seconds since the backend started. */
  uptime: number;
  /** When WhatsApp last said anything; null if it never did. */
  lastEventAt: string | null;
  engine: Engine;
  /** True when what is connected is not WhatsApp: the simulated phone, or a page that plays its part. */
  standIn: boolean;
  storage: Storage;
  /**
   * When the session's profile was last copied aside; null without a copy. Only after damage
   * is it worth anything: `POST /api/connection/restore` puts it back.
   */
  snapshotAt: string | null;
}

/** `POST /probe` on port 4002. */
export interface Probe {
  /**
   * Whether the page of the session answered just now, and is as the status says. False too where
   * there is none to ask: while it starts, and where the session rests until somebody asks for it.
   */
  alive: boolean;
  /** After what followed from the answer: a dead page is no longer `ready`. */
  status: Status;
}

/** `PUT /quota` on port 4002: at least one of the two. */
export interface QuotaBody {
  /** Whether new media is kept out, whatever room there is. */
  mediaBlocked?: boolean;
  /** What the media may take up, in place of MEDIA_QUOTA_BYTES: kept as long as there is this container. */
  bytes?: number;
}

/** The answer to it: what holds now. */
export interface QuotaSet {
  mediaBlocked: boolean;
  bytes: number;
}

/** What the slice's media take up. `warning` from 90 % of the quota; `full`: new media is not downloaded. */
export interface Storage {
  usedBytes: number;
  quotaBytes: number;
  level: "ok" | "warning" | "full";
}

/** `GET /api/qr` (404 unless the state is `qr`), and the Socket.IO event `qr`. */
export interface Qr {
  /** The text that the QR picture encodes. */
  code: string;
  /** Which code of this round it is, from 1. */
  index: number;
  /** How many codes a round has. After the last one the state is `disconnected`, reason `qr_timeout`. */
  of: number;
  expiresAt: string;
}

/** `POST /api/connection/pairing-code` `{phoneNumber}`: typed on that phone instead of scanning. 409 unless the state is `qr`. */
export interface PairingCode {
  /** Eight letters and digits, without the dash that people are shown. */
  code: string;
  phoneNumber: string;
  expiresAt: string;
}

/** The Socket.IO event `sync`, repeated while contacts and chats come in after linking. */
export interface Sync {
  /** How many contacts have been stored so far. */
  contacts: number;
  /** How many chats have been stored so far. */
  chats: number;
  /** True in the last event of a sync. */
  done: boolean;
}

/** pending: in our queue; sent: WhatsApp's server has it; failed: it was refused. */
export type Ack = "pending" | "sent" | "delivered" | "read" | "failed";

/** `other`: something this version cannot show (a poll, a location); `text` then says what it is. */
export type MessageKind = "text" | "image" | "video" | "audio" | "voice" | "document" | "sticker" | "other";

/**
 * stored: `GET /api/messages/:id/media` has it; pending: on its way to us; over_quota: not
 * downloaded, the storage is full; too_large: over what one file may have; gone: WhatsApp no longer has it.
 */
export type MediaState = "pending" | "stored" | "over_quota" | "too_large" | "gone";

/** The file that a message carries. */
export interface Media {
  state: MediaState;
  mimeType: string;
  /** null for what has no name of its own, such as photos. */
  fileName: string | null;
  /** null while unknown. */
  bytes: number | null;
}

/** One message. The Socket.IO event `message` carries it whole, for both directions, and again when its media changes. */
export interface Message {
  id: string;
  chatId: string;
  fromMe: boolean;
  kind: MessageKind;
  /** What was written; the caption of a file; "" without one. */
  text: string;
  at: string;
  /** null for a message that was received. */
  ack: Ack | null;
  /** null for a message without a file. */
  media: Media | null;
  /** Who wrote it, in a group; null in a chat of two and for own messages. */
  author: Author | null;
}

/** A member of a group. */
export interface Author {
  id: string;
  name: string;
}

/** The Socket.IO event `message_ack`. */
export interface MessageAck {
  id: string;
  chatId: string;
  ack: Ack;
}

/** One contact. The Socket.IO event `contact` carries it whole. */
export interface Contact {
  id: string;
  name: string;
  phoneNumber: string | null;
}

/** One chat, as the inbox lists it. The Socket.IO event `chat` carries it whole. */
export interface Chat {
  id: string;
  name: string;
  phoneNumber: string | null;
  /** Received messages that have not been marked as read. */
  unread: number;
  /** The newest message; null for a chat without any. */
  lastMessage: Message | null;
}

/** `GET /api/chats`: newest conversation first. */
export interface ChatList {
  chats: Chat[];
}

/** `GET /api/chats/:id/messages?before=ID&limit=N`: oldest first within the page; limit 1-200, default 50. */
export interface MessagePage {
  messages: Message[];
  /** Pass as `before` to read the page before this one; null at the beginning of the chat. */
  before: string | null;
}

/** `GET /api/contacts`: by name. */
export interface ContactList {
  contacts: Contact[];
}

/**
 * `POST /api/messages`; answered 202 with the `Message`, its ack `pending`. A file is sent as
 * multipart/form-data: the fields `to` and `text` (the caption, may be ""), then one part `file`.
 * With the header `Idempotency-Key` (1 to 100 letters, digits, dashes) the same request sent
 * again answers the same message and sends nothing more.
 */
export interface SendMessage {
  /** A chat id, or a phone number with or without plus sign, spaces and dashes. */
  to: string;
  text: string;
}

/** `DELETE /api/data`; answered 200 with the `Status`. Unlinks the phone and destroys all data. */
export interface DeleteData {
  /** Exactly "DELETE". */
  confirm: string;
}

/** What any refused request answers, with a 4xx or 5xx status. */
export interface ApiError {
  /** A sentence for the person who sent the request. */
  error: string;
}

/** Every Socket.IO event that a slice emits, and what it carries. */
export interface SliceEvents {
  status: Status;
  qr: Qr;
  sync: Sync;
  message: Message;
  message_ack: MessageAck;
  contact: Contact;
  chat: Chat;
}
