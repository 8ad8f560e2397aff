import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Status } from "../api.js";
import type { Clock } from "../clock.js";
import { archive } from "../export/archive.js";
import type { MediaFiles } from "../media/files.js";
import { Refusal } from "../refusal.js";
import type { Database } from "../store/database.js";

interface DataRoutes {
  db: Database;
  files: MediaFiles;
  clock: Clock;
  log: Logger;
  status: () => Status;
  /** Destroys everything. */
  erase: () => Promise<void>;
}

/** All of a person's data: taken away, or destroyed. */
export function dataRoutes(app: FastifyInstance, { db, files, clock, log, status, erase }: DataRoutes): void {
  let exporting = false;

  app.get("/api/export", async (_, reply) => {
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

  app.delete<{ Body: { confirm: string } }>(
    "/api/data",
    { schema: { body: eraseBody } },
    async (request): Promise<Status> => {
      if (request.body.confirm !== "DELETE") {
        throw new Refusal(400, "To destroy all data, “confirm” must be exactly DELETE. Nothing was changed.");
      }
      await erase();
      return status();
    },
  );
}

const eraseBody = {
  type: "object",
  additionalProperties: false,
  required: ["confirm"],
  properties: { confirm: { type: "string" } },
};
