import type { Readable } from "node:stream";
import { stringify } from "csv-stringify";

/**
 * Rows as CSV that spreadsheets open as they are: UTF-8 with a mark that says so, lines ended as
 * RFC 4180 has them, and nothing that would be taken for a formula.
 */
export function table(columns: string[], rows: Readable): Readable {
  const csv = stringify({
    header: true,
    columns,
    bom: true,
    record_delimiter: "windows",
    escape_formulas: true,
  });
  rows.once("error", (err) => csv.destroy(err));
  csv.once("close", () => rows.destroy());
  return rows.pipe(csv);
}
