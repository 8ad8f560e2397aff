import type { FastifyInstance } from "fastify";
import type { Probe, QuotaBody, QuotaSet, Status } from "../api.js";
import { type ExportRoute, exportRoute } from "../export/route.js";
import type { MediaLibrary } from "../media/library.js";
import type { Metrics } from "../metrics.js";
import { Refusal } from "../refusal.js";
import { idempotencyKey, type Sending, sendMessage } from "./send.js";

export interface PlatformRoutes extends Sending, ExportRoute {
  library: MediaLibrary;
  metrics: Metrics;
  status: () => Status;
}

/** Port 4002: what the platform asks. Never published, and cheap: most slices sleep when they are asked. */
export function platformRoutes(app: FastifyInstance, deps: PlatformRoutes): void {
  const { engine, quota, library, metrics, status } = deps;

  app.get("/status", async () => status());

  app.post("/probe", async (): Promise<Probe> => {
    const alive = await engine.probe();
    return { alive, status: status() };
  });

  app.get("/metrics", async (_, reply) => {
    reply.type(metrics.contentType);
    return metrics.text();
  });

  // The same as the user's own, for the platform to keep: nobody counts as being here for it.
  exportRoute(app, "/export", deps);

  app.put<{ Body: QuotaBody }>(
    "/quota",
    { schema: { body: quotaBody } },
    async (request): Promise<QuotaSet> => {
      const { mediaBlocked, bytes } = request.body;
      if (bytes !== undefined) await quota.setBytes(bytes);
      if (mediaBlocked !== undefined) await quota.setMediaBlocked(mediaBlocked);
      if (!quota.mediaBlocked) await library.retry();
      return { mediaBlocked: quota.mediaBlocked, bytes: quota.storage.quotaBytes };
    },
  );

  app.post<{ Body: { text: string } }>(
    "/messages",
    { schema: { body: alertBody } },
    async (request, reply) => {
      const to = engine.status().phoneNumber;
      if (to === null) throw new Refusal(409, "No phone is linked, so there is no number to send to.");
      reply.code(202);
      const key = idempotencyKey(request);
      return sendMessage(deps, { to, text: request.body.text, name: "You", key, urgent: true });
    },
  );
}

const quotaBody = {
  type: "object",
  additionalProperties: false,
  minProperties: 1,
  properties: {
    mediaBlocked: { type: "boolean" },
    bytes: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  },
};

const alertBody = {
  type: "object",
  additionalProperties: false,
  required: ["text"],
  properties: { text: { type: "string" } },
};
