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
  | "restricted"
  | "failed";

/** Which engine the slice runs: the real one or the simulated phone. */
export type Engine = "webjs" | "simulated";

/** `GET /api/status`, and the Socket.IO event `status`. */
export interface Status {
  state: WaState;
  /** Why it is in that state, where there is more to say ("qr_timeout"); else null. */
  reason: string | null;
  /** The linked number with its plus sign ("+15550100000"); null until linked. */
  phoneNumber: string | null;
  /** Seconds since the backend started. */
  uptime: number;
  /** When WhatsApp last said anything; null if it never did. */
  lastEventAt: string | null;
  engine: Engine;
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

/** One message. The Socket.IO event `message` carries it whole, for both directions. */
export interface Message {
  id: string;
  chatId: string;
  fromMe: boolean;
  text: string;
  at: string;
  /** null for a message that was received. */
  ack: Ack | null;
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

/** `POST /api/messages`; answered 202 with the `Message`, its ack `pending`. */
export interface SendMessage {
  /** A chat id, or a phone number with or without plus sign, spaces and dashes. */
  to: string;
  text: string;
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
