import type {
  Chat,
  ChatList,
  ContactList,
  Message,
  MessagePage,
  Qr,
  SendMessage,
  Status,
} from "../../../slice/src/api";
import { request } from "./http";

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
  send: (message: SendMessage) => post<Message>("/api/messages", message),
  /** A new round of QR codes. */
  restart: () => post<unknown>("/api/connection/restart"),
  /** Scans the current code; the simulated engine alone has this. */
  simulateScan: () => post<unknown>("/api/simulated/scan"),
};

export type SliceApi = typeof slice;
export type {
  Ack,
  Chat,
  Contact,
  Message,
  MessageAck,
  MessagePage,
  Qr,
  SliceEvents,
  Status,
  Sync,
  WaState,
} from "../../../slice/src/api";
