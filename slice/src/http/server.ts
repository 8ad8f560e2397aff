import Fastify, { type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { answerBadRequest, answerErrors } from "./errors.js";

/** A server with the manners that both ports share: JSON in, JSON out, no request logs. */
export function createServer(log: Logger): FastifyInstance {
  const app = Fastify({
    bodyLimit: 1 << 20,
    // nginx keeps its idle connections for 60 s: whoever closes first must not be us.
    keepAliveTimeout: 75_000,
    http: {
      headersTimeout: 80_000,
      // Node.js looks for stalled requests every 30 s otherwise, which wakes an idle slice. Those of
      // users stall at nginx, which has limits of its own.
      connectionsCheckingInterval: 3_600_000,
    },
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: answerBadRequest,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    // Some clients name the type even where they have nothing to say.
    if (body === "") return done(null, undefined);
    app.getDefaultJsonParser("error", "error")(request, body.toString(), done);
  });
  app.addHook("onSend", async (_, reply) => {
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
    reply.header("x-content-type-options", "nosniff");
  });
  answerErrors(app, log);
  return app;
}
