import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Clock } from "../clock.js";
import type { MediaFiles } from "../media/files.js";
import { Refusal } from "../refusal.js";
import type { Queryable } from "../store/database.js";
import { archive } from "./archive.js";

export interface ExportRoute {
  db: Queryable;
  files: MediaFiles;
  clock: Clock;
  log: Logger;
}

/** Answers GET at a path with a ZIP of everything, made while it is read: one at a time, else 429. */
export function exportRoute(
  app: FastifyInstance,
  path: string,
  { db, files, clock, log }: ExportRoute,
): void {
  let exporting = false;

  app.get(path, async (_, reply) => {
    if (exporting) throw new Refusal(429, "Your data is being exported already. Wait for that to end.");
    exporting = true;
    const now = clock.now();
    const stream = archive({ db, files, log, now });
    stream.once("close", () => {
      exporting = false;
    });
    const day = new Date(now).toISOString().slice(0, 10);
    reply.type("application/zip");
    reply.header("content-disposition", `attachment; filename="whatsapp-export-${day}.zip"`);
    return reply.send(stream);
  });
}
