import type { Chat, Contact, Message, Qr, Status, Sync } from "../api/slice";
import type { StreamEvent } from "../events/streamEvent";
import { byTime, laterAck, receive, type ShownMessage } from "./messages";

/** One chat's messages, as far as they have been read. */
export interface Conversation {
  /** Oldest first. */
  messages: readonly ShownMessage[];
  /** What to ask for the page before; null at the beginning of the chat. */
  before: string | null;
  /** False until the first page is there. */
  loaded: boolean;
  /** Why the last page could not be read; null if it could. */
  problem: string | null;
}

/** offline: no answer from our server at all; restarting: our server answers, the slice does not. */
export type Trouble = "offline" | "restarting";

/** All that the app knows of the customer's slice. Never changed in place. */
export interface WorkspaceState {
  /** null until the slice has answered once. */
  status: Status | null;
  /** null unless there is a code to scan. */
  qr: Qr | null;
  /** The counts of the sync in progress, or of the last one; null if none was seen. */
  sync: Sync | null;
  /** Newest conversation first; null until read. */
  chats: readonly Chat[] | null;
  /** By name; null until read. */
  contacts: readonly Contact[] | null;
  conversations: ReadonlyMap<string, Conversation>;
  /** What keeps the slice from answering; null while it answers. */
  trouble: Trouble | null;
  /** Whether events arrive by themselves. */
  live: boolean;
}

export const initialState: WorkspaceState = {
  status: null,
  qr: null,
  sync: null,
  chats: null,
  contacts: null,
  conversations: new Map(),
  trouble: null,
  live: false,
};

export const emptyConversation: Conversation = { messages: [], before: null, loaded: false, problem: null };

/** The state after one event of the stream. */
export function applyEvent(state: WorkspaceState, event: StreamEvent): WorkspaceState {
  switch (event.name) {
    case "status":
      return withStatus(state, event.data);
    case "qr":
      return { ...state, qr: event.data };
    case "sync":
      return { ...state, sync: event.data };
    case "chat":
      return { ...state, chats: withChat(state.chats, event.data) };
    case "contact":
      return { ...state, contacts: withContact(state.contacts, event.data) };
    case "message":
      return withMessage(state, event.data);
    case "message_ack":
      return withAck(state, event.data.chatId, event.data.id, event.data.ack);
  }
}

/** The app is updated before the slices are: those of an older image do not send everything yet. */
function complete(status: Status): Status {
  const sent: Partial<Status> = status;
  return {
    ...status,
    standIn: sent.standIn ?? status.engine === "simulated",
    storage: sent.storage ?? { usedBytes: 0, quotaBytes: 0, level: "ok" },
    snapshotAt: sent.snapshotAt ?? null,
  };
}

/** A new status; a code and counts of an earlier round do not outlive it. */
export function withStatus(state: WorkspaceState, status: Status): WorkspaceState {
  return {
    ...state,
    status: complete(status),
    qr: status.state === "qr" ? state.qr : null,
    sync: status.state === "authenticated" || status.state === "ready" ? state.sync : null,
  };
}

/** Newest conversation first; chats without any message at the end, by name. */
export function sortChats(chats: readonly Chat[]): Chat[] {
  return [...chats].sort((a, b) => {
    if (a.lastMessage && b.lastMessage) return byTime(b.lastMessage, a.lastMessage);
    if (a.lastMessage || b.lastMessage) return a.lastMessage ? -1 : 1;
    return a.name.localeCompare(b.name);
  });
}

/** The state with one conversation changed. */
export function withConversation(
  state: WorkspaceState,
  chatId: string,
  change: (conversation: Conversation) => Conversation,
): WorkspaceState {
  const conversations = new Map(state.conversations);
  conversations.set(chatId, change(conversations.get(chatId) ?? emptyConversation));
  return { ...state, conversations };
}

// Until the list has been read an event cannot stand for it: the whole comes with the answer.
function withChat(chats: readonly Chat[] | null, chat: Chat): readonly Chat[] | null {
  return chats && sortChats([...chats.filter(({ id }) => id !== chat.id), chat]);
}

function withContact(contacts: readonly Contact[] | null, contact: Contact): readonly Contact[] | null {
  if (!contacts) return null;
  const others = contacts.filter(({ id }) => id !== contact.id);
  return [...others, contact].sort((a, b) => a.name.localeCompare(b.name));
}

function withMessage(state: WorkspaceState, message: Message): WorkspaceState {
  const chats =
    state.chats &&
    sortChats(
      state.chats.map((chat) => {
        if (chat.id !== message.chatId) return chat;
        const last = chat.lastMessage;
        if (last?.id === message.id)
          return { ...chat, lastMessage: { ...message, ack: laterAck(last.ack, message.ack) } };
        return !last || byTime(last, message) < 0 ? { ...chat, lastMessage: message } : chat;
      }),
    );
  const next = { ...state, chats };
  if (!state.conversations.has(message.chatId)) return next;
  return withConversation(next, message.chatId, (conversation) => ({
    ...conversation,
    messages: receive(conversation.messages, message),
  }));
}

function withAck(state: WorkspaceState, chatId: string, id: string, ack: Message["ack"]): WorkspaceState {
  const acked = <T extends Message>(message: T): T =>
    message.id === id ? { ...message, ack: laterAck(message.ack, ack) } : message;
  const chats =
    state.chats?.map((chat) =>
      chat.id === chatId && chat.lastMessage?.id === id
        ? { ...chat, lastMessage: acked(chat.lastMessage) }
        : chat,
    ) ?? null;
  const next = { ...state, chats };
  if (!state.conversations.has(chatId)) return next;
  return withConversation(next, chatId, (conversation) => ({
    ...conversation,
    messages: conversation.messages.map(acked),
  }));
}
