import type { FastifyInstance } from "fastify";
import type { Status } from "../../api.js";
import { Ballast } from "./ballast.js";
import type { SimulatedEngine } from "./engine.js";

/** The calls that play the phone's owner, and the world. They exist only with the simulated engine. */
export function simulatedRoutes(app: FastifyInstance, engine: SimulatedEngine, status: () => Status): void {
  const ballast = new Ballast();

  app.post("/api/simulated/scan", async () => {
    await engine.scan();
    return status();
  });

  app.post<{ Body: { seconds: number } }>(
    "/api/simulated/drop",
    { schema: { body: body({ seconds: { type: "number", minimum: 0, maximum: 86_400 } }) } },
    async (request) => {
      engine.drop(request.body.seconds);
      return status();
    },
  );

  app.post("/api/simulated/logout", async () => {
    await engine.logout();
    return status();
  });

  app.post<{ Body: { from: string; name?: string; text: string } }>(
    "/api/simulated/receive",
    {
      schema: {
        body: body(
          {
            from: { type: "string" },
            name: { type: "string", minLength: 1, maxLength: 200 },
            text: { type: "string", minLength: 1, maxLength: 65_536 },
          },
          ["from", "text"],
        ),
      },
    },
    async (request, reply) => {
      const { from, name, text } = request.body;
      reply.code(201);
      return engine.receive(from, name, text);
    },
  );

  app.put<{ Body: { perMinute: number } }>(
    "/api/simulated/rate",
    { schema: { body: body({ perMinute: { type: "number", minimum: 0, maximum: 6000 } }) } },
    async (request) => {
      engine.arrivals.setRate(request.body.perMinute);
      return { perMinute: engine.arrivals.perMinute };
    },
  );

  app.put<{ Body: { bytes: number } }>(
    "/api/simulated/memory",
    { schema: { body: body({ bytes: { type: "integer", minimum: 0, maximum: 4 * 2 ** 30 } }) } },
    async (request) => ({ bytes: await ballast.hold(request.body.bytes) }),
  );
}

function body(properties: Record<string, object>, required = Object.keys(properties)): object {
  return { type: "object", additionalProperties: false, required, properties };
}
