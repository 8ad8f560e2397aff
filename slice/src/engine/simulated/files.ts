import { crc32, deflateSync } from "node:zlib";
import type { Media, MessageKind } from "../../api.js";

/** A file that the simulated world sends: real, small, and made from its name alone. */
export interface SimulatedFile {
  kind: MessageKind;
  media: Media;
}

const second = 8_000;

/** What can be asked for, by kind. */
export function simulatedFile(
  kind: "image" | "document" | "voice",
  name: string | null,
  bytes?: number,
): SimulatedFile {
  const mimeType = { image: "image/png", document: "application/pdf", voice: "audio/wav" }[kind];
  return {
    kind,
    media: { state: "pending", mimeType, fileName: name, bytes: bytes ?? contentOf(kind).length },
  };
}

/** The file's content; longer than it must be if it was asked for so, filled with zeros. */
export function* contentPieces(kind: MessageKind, bytes: number | null): Generator<Buffer> {
  const content = contentOf(kind);
  yield content;
  for (let left = (bytes ?? 0) - content.length; left > 0; left -= 1 << 16)
    yield Buffer.alloc(Math.min(left, 1 << 16));
}

function contentOf(kind: MessageKind): Buffer {
  if (kind === "image" || kind === "sticker") return picture();
  if (kind === "voice" || kind === "audio") return tone();
  return Buffer.from(pdf, "latin1");
}

/** A PNG of 240 by 160 points: a sky over a field. */
function picture(): Buffer {
  const [width, height] = [240, 160];
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++) {
    const colour = y < 95 ? [140 + y / 2, 185 + y / 3, 235] : [70, 150 - (y - 95) / 2, 80];
    for (let x = 0; x < width; x++) {
      const sun = (x - 180) ** 2 + (y - 40) ** 2 < 400;
      rows.set(sun ? [255, 214, 90] : colour, y * (1 + width * 3) + 1 + x * 3);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

/** One second of a WAV: a soft A. */
function tone(): Buffer {
  const samples = Buffer.alloc(second);
  for (let i = 0; i < second; i++)
    samples[i] = 128 + Math.round(40 * Math.sin((i / second) * 440 * 2 * Math.PI));
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + second, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(second, 24);
  header.writeUInt32LE(second, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(second, 40);
  return Buffer.concat([header, samples]);
}

/** A page with a line on it; readers rebuild the table that is left out. */
const pdf = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 48>>stream
BT /F 18 Tf 20 50 Td (From the simulated phone) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
`;
