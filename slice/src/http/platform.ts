import type { FastifyInstance } from "fastify";
import type { Probe, Status } from "../api.js";
import type { MediaLibrary } from "../media/library.js";
import type { Metrics } from "../metrics.js";
import { Refusal } from "../refusal.js";
import { idempotencyKey, type Sending, sendMessage } from "./send.js";

export interface PlatformRoutes extends Sending {
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

  app.put<{ Body: { mediaBlocked: boolean } }>("/quota", { schema: { body: quotaBody } }, async (request) => {
    await quota.setMediaBlocked(request.body.mediaBlocked);
    if (!quota.mediaBlocked) await library.retry();
    return { mediaBlocked: quota.mediaBlocked };
  });

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
  required: ["mediaBlocked"],
  properties: { mediaBlocked: { type: "boolean" } },
};

const alertBody = {
  type: "object",
  additionalProperties: false,
  required: ["text"],
  properties: { text: { type: "string" } },
};
