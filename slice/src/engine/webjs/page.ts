/**
 * What runs inside the page, beside what whatsapp-web.js has put there. Each function is sent to
 * the browser as its text, so it must not name anything outside itself.
 */

// biome-ignore lint/suspicious/noExplicitAny: WhatsApp Web's modules have no types, and change at any time
declare const window: any;
// biome-ignore lint/suspicious/noExplicitAny: the browser's, not Node.js's
declare const navigator: any;

/** A message as the page has it, cut to what is asked of it. */
export interface PageMessage {
  key: string;
  idPart: string;
  fromMe: boolean;
  chat: string;
  author: string | null;
  notifyName: string | null;
  type: string;
  body: string;
  caption: string;
  t: number;
  ack: number;
  hasMedia: boolean;
  mimetype: string | null;
  filename: string | null;
  size: number | null;
}

/** Runs before anything of the page: says when it asks for a passkey, which nobody here can give. */
export function watchPasskeys(): void {
  const credentials = navigator.credentials;
  if (!credentials) return;
  for (const name of ["get", "create"]) {
    const original = credentials[name].bind(credentials);
    credentials[name] = (options: { publicKey?: object }) => {
      if (options?.publicKey) window.slicegatePasskey?.();
      return original(options);
    };
  }
}

/** What the page that plays WhatsApp Web reads when it begins. */
export interface StandInSettings {
  /** How long a code is shown, in milliseconds. */
  codeMs: number;
  /** What it holds once it is linked, in bytes. */
  memory: number;
  keepaliveUrl: string | null;
}

/** Runs before anything of the page; null: it is the real one. */
export function setStandIn(settings: StandInSettings | null): void {
  if (settings) window.standInSettings = settings;
}

/** Tells of every change of the connection. The library does so only once it is ready. */
export function watchSocket(): void {
  const { Socket } = window.require("WAWebSocketModel");
  if (window.slicegateWatches === Socket) return;
  window.slicegateWatches = Socket;
  Socket.on("change:state", (_: unknown, state: string) => window.slicegateState(state));
}

/**
 * Calls the library's own listener for a change that came before it listened. Not before the
 * library is in the page: it puts itself there anew whenever the page has loaded itself anew.
 */
export function sayIfSynced(): void {
  const listens = window.AuthStore && window.onAppStateHasSyncedEvent;
  if (listens && window.require("WAWebSocketModel").Socket.hasSynced) window.onAppStateHasSyncedEvent();
}

/** What the page says of itself, when it is asked whether it lives. */
export interface PageState {
  /** Of its connection. */
  state: string | null;
  /** Whether what was put into it is there: the page may have loaded itself anew. */
  whole: boolean;
}

export function pageState(): PageState {
  return {
    state: window.require("WAWebSocketModel").Socket.state ?? null,
    whole: Boolean(window.slicegateWatches && window.slicegateDescribe),
  };
}

/** The ids of accounts that hide their number, with the number where the page knows it. */
export function phoneNumbersOf(ids: string[]): Record<string, string> {
  const { createWid } = window.require("WAWebWidFactory");
  const { toPn } = window.require("WAWebLidMigrationUtils");
  const found: Record<string, string> = {};
  for (const id of ids) {
    const known = toPn?.(createWid(id))?._serialized;
    if (known) found[id] = known;
  }
  return found;
}

/** Up to `limit` of a chat's newest messages, oldest first. */
export async function newestOfChat(chatId: string, limit: number): Promise<PageMessage[]> {
  const chat = await window.WWebJS.getChat(chatId, { getAsModel: false });
  if (!chat) return [];
  const plain = (m: { isNotification?: boolean }) => !m.isNotification;
  let messages = chat.msgs.getModelsArray().filter(plain);
  while (messages.length < limit) {
    const earlier = await window.require("WAWebChatLoadMessages").loadEarlierMsgs({ chat });
    if (!earlier?.length) break;
    messages = [...earlier.filter(plain), ...messages];
  }
  messages.sort((a: { t: number }, b: { t: number }) => a.t - b.t);
  return messages.slice(-limit).map(window.slicegateDescribe);
}

/** Installs `slicegateDescribe` and `slicegateFind`, which the other functions use. */
export function installHelpers(): void {
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  // biome-ignore lint/suspicious/noExplicitAny: a model of the page's
  window.slicegateDescribe = (m: any): PageMessage => ({
    key: m.id._serialized,
    idPart: m.id.id,
    fromMe: Boolean(m.id.fromMe),
    chat: m.id.remote?._serialized ?? String(m.id.remote),
    author: m.author?._serialized ?? m.id.participant?._serialized ?? null,
    notifyName: m.notifyName ?? null,
    type: m.type,
    body: text(m.body) || text(m.pollName) || text(m.eventName),
    caption: text(m.caption),
    t: m.t,
    ack: m.ack ?? 0,
    hasMedia: Boolean(m.directPath),
    mimetype: m.mimetype ?? null,
    filename: m.filename ?? null,
    size: m.size ?? null,
  });
  // Our ids name a chat by its number; the page may name it otherwise. The part after it is the same.
  window.slicegateFind = async (id: string) => {
    const { Msg } = window.require("WAWebCollections");
    const known = Msg.get(id);
    if (known) return known;
    const part = id.split("_")[2];
    // biome-ignore lint/suspicious/noExplicitAny: a model of the page's
    const alike = Msg.getModelsArray().find((m: any) => m.id.id === part);
    if (alike) return alike;
    return (await Msg.getMessagesById([id]))?.messages?.[0] ?? null;
  };
}

/** How far messages are on their way, by their ids; those that the page does not know are left out. */
export async function acksOf(ids: string[]): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const id of ids) {
    const message = await window.slicegateFind(id);
    if (message) found[id] = message.ack ?? 0;
  }
  return found;
}

/** What is sent: text, or the file that `addPiece` has put together. */
export interface PageSend {
  chatId: string;
  /** The last part of the message's id, which the page takes for its own. */
  idPart: string;
  text: string;
  file: { name: string; mimeType: string; as: "media" | "voice" | "document" } | null;
}

/** What became of a message: with the page; not, for the page has been loaded anew; there is no such chat; or the page's error. */
export type Sent = "handed_over" | "not_ours" | "nobody" | { refused: string };

/** Sends a message under an id of ours: the next id that the page makes is that one. */
export async function sendUnder({ chatId, idPart, text, file }: PageSend): Promise<Sent> {
  const utils = window.WWebJS;
  if (!utils) return "not_ours";
  const keys = window.require("WAWebMsgKey");
  const makeId = keys.newId;
  const toFile = utils.mediaInfoToFile;
  const options: Record<string, unknown> = { linkPreview: true };
  try {
    const chat = await utils.getChat(chatId, { getAsModel: false });
    if (!chat) return "nobody";
    keys.newId = async () => {
      keys.newId = makeId;
      return idPart;
    };
    if (file) {
      const blob = new (window.File as typeof File)(window.slicegatePieces ?? [], file.name, {
        type: file.mimeType,
      });
      // The library would have the whole file as one base64 string; it is here already.
      utils.mediaInfoToFile = () => blob;
      options.media = { mimetype: file.mimeType, filename: file.name, data: "" };
      options.caption = text;
      options.isCaptionByUser = text !== "";
      options.sendMediaAsDocument = file.as === "document";
      options.sendAudioAsVoice = file.as === "voice";
    }
    await utils.sendMessage(chat, file ? "" : text, options);
    return "handed_over";
  } catch (err) {
    return { refused: String(err) };
  } finally {
    keys.newId = makeId;
    utils.mediaInfoToFile = toFile;
    window.slicegatePieces = undefined;
  }
}

/** Adds a piece of the file that is sent next. */
export function addPiece(base64: string, first: boolean): void {
  const binary = window.atob(base64);
  const bytes = Uint8Array.from(binary as string, (c) => c.charCodeAt(0));
  if (first) window.slicegatePieces = [];
  window.slicegatePieces.push(bytes);
}

/**
 * Fetches and decrypts a message's file and keeps it in the page; answers its size, or null when
 * WhatsApp does not have it any more.
 */
export async function holdFile(id: string): Promise<number | null> {
  const message = await window.slicegateFind(id);
  if (!message?.directPath) return null;
  if (message.mediaData?.mediaStage !== "RESOLVED") {
    await message.downloadMedia?.({ downloadEvenIfExpensive: true, rmrReason: 1 });
    if (message.mediaData?.mediaStage?.includes("ERROR")) return null;
  }
  const quiet = {
    addAnnotations() {
      return quiet;
    },
    addPoint() {
      return quiet;
    },
  };
  try {
    window.slicegateHeld = await window
      .require("WAWebDownloadManager")
      .downloadManager.downloadAndMaybeDecrypt({
        directPath: message.directPath,
        encFilehash: message.encFilehash,
        filehash: message.filehash,
        mediaKey: message.mediaKey,
        mediaKeyTimestamp: message.mediaKeyTimestamp,
        type: message.type,
        signal: new AbortController().signal,
        downloadQpl: quiet,
      });
  } catch (err) {
    if ((err as { status?: number })?.status === 404) return null;
    throw err;
  }
  return window.slicegateHeld.byteLength;
}

/** A piece of the file that `holdFile` keeps, as base64. */
export function heldPiece(offset: number, length: number): string {
  const bytes = new Uint8Array(
    window.slicegateHeld,
    offset,
    Math.min(length, window.slicegateHeld.byteLength - offset),
  );
  let binary = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return window.btoa(binary);
}

export function dropFile(): void {
  window.slicegateHeld = undefined;
}
