import type { FastifyInstance } from "fastify";
import type { Status } from "../api.js";
import { type ExportRoute, exportRoute } from "../export/route.js";
import { Refusal } from "../refusal.js";

interface DataRoutes extends ExportRoute {
  status: () => Status;
  /** Destroys everything. */
  erase: () => Promise<void>;
}

/** All of a person's data: taken away, or destroyed. */
export function dataRoutes(app: FastifyInstance, { status, erase, ...exporting }: DataRoutes): void {
  exportRoute(app, "/api/export", exporting);

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
