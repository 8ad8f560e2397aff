import type { Readable } from "node:stream";
import { Readable as Stream } from "node:stream";
import mime from "mime";
import type { Logger } from "pino";
import yazl from "yazl";
import type { Contact, Message } from "../api.js";
import type { MediaFiles } from "../media/files.js";
import { listChats } from "../store/chats.js";
import { listContacts } from "../store/contacts.js";
import type { Queryable } from "../store/database.js";
import { messagesAfter } from "../store/messages.js";
import { cards } from "./cards.js";
import { table } from "./table.js";

interface ExportDependencies {
  db: Queryable;
  files: MediaFiles;
  log: Logger;
  /** When it was asked for, in milliseconds since 1970. */
  now: number;
}

/** Rows read at a time: what is in memory does not grow with what there is. */
const pageRows = 500;

const readme = `This is everything that your workspace holds.

messages.csv   every message, for a spreadsheet
messages.json  the same, for programs
chats.csv      every conversation
contacts.csv   your contacts, for a spreadsheet
contacts.vcf   the same, for an address book
media/         the files of the messages; the column “file” of messages.csv names them

Times are in UTC. Messages that came in while this was being made may be missing.
In the tables a value that a spreadsheet could take for a formula begins with an apostrophe.
`;

/**
 * All of a slice's data as a ZIP, made while it is read: it needs the memory of one page of rows.
 * Destroying the stream closes every file. The stream fails when the database or the disk does.
 */
export function archive(deps: ExportDependencies): Readable {
  const zip = new yazl.ZipFile();
  const output = zip.outputStream as unknown as Readable;
  const open = new Set<Readable>();
  const add = (name: string, compress: boolean, make: () => Promise<Readable> | Readable) =>
    zip.addReadStreamLazy(name, { compress, mtime: new Date(deps.now) }, (ready) => {
      Promise.resolve()
        .then(make)
        .then(
          (stream) => {
            open.add(stream);
            stream.once("close", () => open.delete(stream));
            stream.once("error", (err) => output.destroy(err));
            ready(null, stream);
          },
          (err) => output.destroy(err),
        );
    });
  const closed = new Promise<void>((resolve) => {
    output.once("close", () => {
      for (const stream of open) stream.destroy();
      resolve();
    });
  });
  zip.addBuffer(Buffer.from(readme), "README.txt", { mtime: new Date(deps.now) });
  add("messages.json", true, () => Stream.from(json(messages(deps.db))));
  add("messages.csv", true, () => table(messageColumns, rowsOf(messages(deps.db))));
  add("chats.csv", true, async () =>
    table(
      ["id", "name", "phone_number", "unread"],
      Stream.from((await listChats(deps.db)).map((c) => [c.id, c.name, c.phoneNumber, c.unread])),
    ),
  );
  add("contacts.csv", true, async () =>
    table(
      ["name", "phone_number", "id"],
      Stream.from((await listContacts(deps.db)).map((c: Contact) => [c.name, c.phoneNumber, c.id])),
    ),
  );
  add("contacts.vcf", true, async () => Stream.from(cards(await listContacts(deps.db))));
  addMedia(zip, add, deps, closed).catch((err) => {
    deps.log.error({ err }, "an export broke off");
    output.destroy(err);
  });
  return output;
}

/** Adds the files page by page, as the archive gets to them: a list of all of them would be in memory. */
async function addMedia(
  zip: yazl.ZipFile,
  add: (name: string, compress: boolean, make: () => Promise<Readable> | Readable) => void,
  { db, files }: ExportDependencies,
  closed: Promise<void>,
): Promise<void> {
  let wanted = true;
  closed.then(() => {
    wanted = false;
  });
  for await (const message of messages(db)) {
    if (message.media?.state !== "stored" || (await files.sizeOf(message.id)) === null) continue;
    // Photos, films and most documents are compressed already.
    const taken = new Promise<void>((resolve) => {
      add(mediaName(message), false, () => {
        const stream = files.read(message.id);
        stream.once("close", resolve);
        return stream;
      });
    });
    await Promise.race([taken, closed]);
    if (!wanted) return;
  }
  zip.end();
}

async function* messages(db: Queryable): AsyncGenerator<Message> {
  let last: Message | null = null;
  for (;;) {
    const page: Message[] = await messagesAfter(db, last, pageRows);
    yield* page;
    last = page.at(-1) ?? last;
    if (page.length < pageRows) return;
  }
}

async function* json(all: AsyncGenerator<Message>): AsyncGenerator<string> {
  let first = true;
  for await (const message of all) {
    const file = message.media?.state === "stored" ? mediaName(message) : null;
    yield `${first ? "[" : ","}\n${JSON.stringify({ ...message, file })}`;
    first = false;
  }
  yield first ? "[]\n" : "\n]\n";
}

const messageColumns = ["at", "chat", "direction", "author", "kind", "text", "state", "file", "id"];

function rowsOf(all: AsyncGenerator<Message>): Readable {
  return Stream.from(
    (async function* () {
      for await (const m of all) {
        yield [
          m.at,
          m.chatId,
          m.fromMe ? "out" : "in",
          m.author?.name ?? null,
          m.kind,
          m.text,
          m.ack,
          m.media?.state === "stored" ? mediaName(m) : (m.media?.state ?? null),
          m.id,
        ];
      }
    })(),
  );
}

/** Where a message's file is in the archive: readable, unique, and nowhere else than below media/. */
function mediaName(message: Message): string {
  const { fileName, mimeType } = message.media ?? { fileName: null, mimeType: "" };
  const at = message.at.slice(0, 19).replaceAll(":", "-");
  const chat = message.chatId.replace(/[^\w+-]+/g, "_");
  const id = (message.id.split("_")[2] ?? message.id).replace(/[^\w-]+/g, "").slice(-12);
  const name = (fileName ?? `${message.kind}.${mime.getExtension(mimeType) ?? "bin"}`)
    .replace(/[\p{Cc}\\/:*?"<>|]+/gu, "_")
    .replace(/^\.+/, "_");
  return `media/${chat}/${at}_${id}_${name}`;
}
