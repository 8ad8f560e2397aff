import type {
  Chat,
  ChatList,
  ContactList,
  Message,
  MessagePage,
  PairingCode,
  Qr,
  SendMessage,
  Status,
} from "../../../slice/src/api";
import { request } from "./http";
import { type UploadOptions, upload } from "./upload";

/** Messages read at a time when a chat is opened or scrolled back. */
const pageSize = 50;

const post = <T>(path: string, body?: unknown) =>
  request<T>(path, body === undefined ? { method: "POST" } : { method: "POST", body });

/** The slice's HTTP API. Every call throws ApiFailure as `request` does. */
export const slice = {
  status: () => request<Status>("/api/status"),
  /** Throws ApiFailure 404 unless the state is `qr`. */
  qr: () => request<Qr>("/api/qr"),
  chats: () => request<ChatList>("/api/chats"),
  contacts: () => request<ContactList>("/api/contacts"),
  /** The newest page, or the page before the message whose id is `before`. */
  messages: (chatId: string, before: string | null) => {
    const query = new URLSearchParams({ limit: String(pageSize) });
    if (before) query.set("before", before);
    return request<MessagePage>(`/api/chats/${encodeURIComponent(chatId)}/messages?${query}`);
  },
  markRead: (chatId: string) => post<Chat>(`/api/chats/${encodeURIComponent(chatId)}/read`),
  /** The same key sends once, however often the request is repeated. */
  send: (message: SendMessage, key: string) =>
    request<Message>("/api/messages", { method: "POST", body: message, headers: { "Idempotency-Key": key } }),
  sendFile: (message: SendMessage, file: File, key: string, options: UploadOptions) =>
    upload<Message>("/api/messages", { ...message, file }, key, options),
  discardMedia: (id: string) =>
    request<Message>(`/api/messages/${encodeURIComponent(id)}/media`, { method: "DELETE" }),
  pairingCode: (phoneNumber: string) =>
    request<PairingCode>("/api/connection/pairing-code", {
      method: "POST",
      body: { phoneNumber },
      timeout: 70_000,
    }),
  /** Puts the copy of the session back. */
  restore: () => post<unknown>("/api/connection/restore"),
  deleteData: () =>
    request<Status>("/api/data", { method: "DELETE", body: { confirm: "DELETE" }, timeout: 60_000 }),
  /** A new round of QR codes. */
  restart: () => post<unknown>("/api/connection/restart"),
  /** Scans the current code; the simulated engine alone has this. */
  simulateScan: () => post<unknown>("/api/simulated/scan"),
};

/** Where a message's file is, while its state is `stored`. */
export const mediaUrl = (id: string) => `/api/messages/${encodeURIComponent(id)}/media`;

export type SliceApi = typeof slice;
export type {
  Ack,
  Chat,
  Contact,
  Media,
  Message,
  MessageAck,
  MessageKind,
  MessagePage,
  PairingCode,
  Qr,
  SliceEvents,
  Status,
  Storage,
  Sync,
  WaState,
} from "../../../slice/src/api";
