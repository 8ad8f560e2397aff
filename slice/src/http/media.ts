import type { FastifyInstance, FastifyReply } from "fastify";
import type { Media, MediaState, Message } from "../api.js";
import type { Inbox } from "../inbox/inbox.js";
import type { MediaFiles } from "../media/files.js";
import { type MediaLibrary, servedAs } from "../media/library.js";
import { Refusal } from "../refusal.js";

interface MediaRoutes {
  inbox: Inbox;
  files: MediaFiles;
  library: MediaLibrary;
}

const missing: Record<Exclude<MediaState, "stored">, string> = {
  pending: "The file is still on its way. Try again in a moment.",
  over_quota: "The file was not downloaded: your storage is full.",
  too_large: "The file was not downloaded: it is larger than a file may be here.",
  gone: "The file is not there any more.",
};

/** The files of messages. */
export function mediaRoutes(app: FastifyInstance, { inbox, files, library }: MediaRoutes): void {
  app.get<{ Params: { id: string } }>("/api/messages/:id/media", async (request, reply) => {
    const message = await inbox.message(request.params.id);
    const media = stored(message);
    const size = await files.sizeOf(message.id);
    if (size === null) throw new Refusal(404, missing.gone);
    headers(reply, media);
    const range = readRange(request.headers.range, size);
    if (range === "none") {
      reply.header("content-range", `bytes */${size}`);
      throw new Refusal(416, "The file has no such part.");
    }
    if (range) {
      reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${size}`);
    }
    reply.header("content-length", range ? range.end - range.start + 1 : size);
    return reply.send(files.read(message.id, range ?? undefined));
  });

  app.delete<{ Params: { id: string } }>("/api/messages/:id/media", async (request): Promise<Message> => {
    const message = await inbox.message(request.params.id);
    if (!message.media) throw noFile();
    if (message.fromMe && message.ack === "pending") {
      throw new Refusal(409, "The file has not been sent yet. Delete it afterwards.");
    }
    return (await library.discard(message)) ?? message;
  });
}

function stored(message: Message): Media {
  if (!message.media) throw noFile();
  if (message.media.state !== "stored") throw new Refusal(404, missing[message.media.state]);
  return message.media;
}

function noFile(): Refusal {
  return new Refusal(404, "This message has no file.");
}

function headers(reply: FastifyReply, media: Media): void {
  const { type, inline } = servedAs(media);
  reply.type(type);
  reply.header("content-disposition", disposition(inline ? "inline" : "attachment", media.fileName));
  reply.header("content-security-policy", "sandbox; default-src 'none'");
  reply.header("cache-control", "private, max-age=86400");
  reply.header("accept-ranges", "bytes");
}

/** RFC 6266: a plain name for old clients, and the real one in UTF-8. */
function disposition(how: string, name: string | null): string {
  if (name === null) return how;
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${how}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** null: the whole; "none": no part of the file. Several ranges at once are answered with the whole. */
function readRange(header: string | undefined, size: number): { start: number; end: number } | "none" | null {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!found || (found[1] === "" && found[2] === "")) return null;
  const [from, to] = [found[1], found[2]];
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  return start > end || start >= size ? "none" : { start, end };
}
