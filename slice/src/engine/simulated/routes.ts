import type { FastifyInstance } from "fastify";
import type { Status } from "../../api.js";
import type { Incoming, Phone } from "../phone.js";
import { Ballast } from "./ballast.js";
import type { SimulatedEngine } from "./engine.js";

/** The calls that play the phone's owner, and the world. They exist only where neither is real. */
export function phoneRoutes(app: FastifyInstance, phone: Phone, status: () => Status): void {
  app.post("/api/simulated/scan", async () => {
    await phone.scan();
    return status();
  });

  app.post<{ Body: { seconds: number } }>(
    "/api/simulated/drop",
    { schema: { body: body({ seconds: { type: "number", minimum: 0, maximum: 86_400 } }) } },
    async (request) => {
      await phone.drop(request.body.seconds);
      return status();
    },
  );

  app.post("/api/simulated/logout", async () => {
    await phone.unlink();
    return status();
  });

  app.post<{ Body: Incoming }>(
    "/api/simulated/receive",
    {
      schema: {
        body: body(
          {
            from: { type: "string" },
            name: { type: "string", minLength: 1, maxLength: 200 },
            text: { type: "string", maxLength: 65_536 },
            file: body(
              {
                kind: { enum: ["image", "document", "voice"] },
                name: { type: "string", minLength: 1, maxLength: 200 },
                bytes: { type: "integer", minimum: 1, maximum: 2 ** 31 },
              },
              ["kind"],
            ),
          },
          ["from", "text"],
        ),
      },
    },
    async (request, reply) => {
      reply.code(201);
      return phone.receive(request.body);
    },
  );
}

/** What the page that plays WhatsApp Web can be made to do beside that, by its own names. */
export function pageRoutes(
  app: FastifyInstance,
  calls: string[],
  call: (name: string, argument: unknown) => Promise<unknown>,
): void {
  app.post<{ Body: { call: string; argument?: unknown } }>(
    "/api/simulated/page",
    {
      schema: {
        body: body(
          {
            call: { enum: calls },
            argument: {},
          },
          ["call"],
        ),
      },
    },
    async (request) => (await call(request.body.call, request.body.argument)) ?? {},
  );
}

/** What the simulated phone has beside that. */
export function simulatedRoutes(app: FastifyInstance, engine: SimulatedEngine, status: () => Status): void {
  phoneRoutes(app, engine, status);
  const ballast = new Ballast();
  pageRoutes(app, ["hang"], async () => engine.hang());

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
