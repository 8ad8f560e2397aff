import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ChatList, ContactList, PairingCode, Qr, Status } from "../api.js";
import { readRecipient } from "../phone.js";
import { Refusal } from "../refusal.js";
import { idempotencyKey, type Sending, sendForm, sendMessage } from "./send.js";

export interface UserRoutes extends Sending {
  status: () => Status;
}

/** Port 4001: what the app asks. */
export function userRoutes(app: FastifyInstance, deps: UserRoutes): void {
  const { engine, inbox, status } = deps;
  app.get("/api/status", async () => status());

  app.get("/api/status/state", async (_, reply) => {
    reply.type("text/plain; charset=utf-8");
    return engine.status().state;
  });

  app.get("/api/qr", async (): Promise<Qr> => {
    const qr = engine.qr();
    if (!qr) throw new Refusal(404, "There is no code to scan at the moment.");
    return qr;
  });

  app.post("/api/connection/restart", async (_, reply) => {
    engine.restart();
    reply.code(202);
    return status();
  });

  app.post<{ Body: { phoneNumber: string } }>(
    "/api/connection/pairing-code",
    { schema: { body: numberBody } },
    async (request): Promise<PairingCode> => {
      const phone = readRecipient(request.body.phoneNumber);
      if (!phone) {
        throw new Refusal(
          400,
          "Write the number of your WhatsApp with its country code, such as +1 555 010 0001.",
        );
      }
      return engine.pairingCode(phone.phoneNumber);
    },
  );

  app.post("/api/connection/restore", async (_, reply) => {
    await engine.restore();
    reply.code(202);
    return status();
  });

  app.get("/api/chats", async (): Promise<ChatList> => ({ chats: await inbox.chats() }));

  app.get<{ Params: { id: string }; Querystring: { before?: string; limit?: string } }>(
    "/api/chats/:id/messages",
    { schema: { querystring: pageQuery } },
    async (request) => {
      const { before, limit } = request.query;
      return inbox.messages(request.params.id, before ?? null, readLimit(limit));
    },
  );

  app.post<{ Params: { id: string } }>("/api/chats/:id/read", async (request) => {
    const chat = await inbox.markRead(request.params.id);
    // WhatsApp hears of it where it can; the inbox does not wait for that.
    engine.seen(chat.id).catch(() => {});
    return chat;
  });

  app.get("/api/contacts", async (): Promise<ContactList> => ({ contacts: await inbox.contacts() }));

  app.post<{ Body: { to: string; text: string } }>(
    "/api/messages",
    { schema: { body: messageBody }, preValidation: forms },
    async (request, reply) => {
      reply.code(202);
      return sendMessage(deps, { ...request.body, key: idempotencyKey(request) });
    },
  );

  /** A form is streamed to the disk, and has no body to validate. */
  async function forms(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (!request.isMultipart()) return;
    const message = await sendForm(deps, request, idempotencyKey(request));
    await reply.code(202).send(message);
  }
}

const numberBody = {
  type: "object",
  additionalProperties: false,
  required: ["phoneNumber"],
  properties: { phoneNumber: { type: "string", minLength: 1, maxLength: 40 } },
};

const pageQuery = {
  type: "object",
  additionalProperties: false,
  properties: { before: { type: "string" }, limit: { type: "string" } },
};

const messageBody = {
  type: "object",
  additionalProperties: false,
  required: ["to", "text"],
  properties: { to: { type: "string", minLength: 1, maxLength: 200 }, text: { type: "string" } },
};

function readLimit(text = "50"): number {
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 200) throw new Refusal(400, "“limit” must be a whole number from 1 to 200.");
  return limit;
}
