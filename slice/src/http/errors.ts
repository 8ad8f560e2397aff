import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { ApiError } from "../api.js";
import { Refusal } from "../refusal.js";
import { DatabaseUnavailable } from "../store/database.js";

/** Makes every refused or failed request of the server answer with an ApiError. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setNotFoundHandler(async (request, reply) => {
    reply.code(404);
    return { error: `There is nothing at ${request.method} ${pathOf(request)}.` } satisfies ApiError;
  });
  app.setErrorHandler<FastifyError>(async (err, request, reply): Promise<ApiError> => {
    const { status, sentence } = explain(err);
    if (status >= 500) log.error({ err, route: request.routeOptions.url }, "a request failed");
    if (status === 503) reply.header("retry-after", "2");
    reply.code(status);
    return { error: sentence };
  });
}

/** For what is refused before there is a route: a path that cannot be read. */
export function answerBadRequest(_: FastifyError, __: FastifyRequest, reply: FastifyReply): void {
  reply.code(400).send({ error: "The address cannot be read." } satisfies ApiError);
}

function explain(err: FastifyError): { status: number; sentence: string } {
  if (err instanceof Refusal) return { status: err.status, sentence: err.message };
  if (err instanceof DatabaseUnavailable) {
    return {
      status: 503,
      sentence: "Your conversations cannot be reached at the moment. Try again in a few seconds.",
    };
  }
  if (err.validation) return { status: 400, sentence: sentenceOf(err) };
  switch (err.statusCode) {
    case 400:
      return { status: 400, sentence: "The body is not valid JSON." };
    case 413:
      return { status: 413, sentence: "The body is too large: 1 MB is the most." };
    case 415:
      return { status: 415, sentence: "Send JSON, with the header Content-Type: application/json." };
    default:
      return { status: 500, sentence: "Something went wrong here. Try again in a moment." };
  }
}

/** Says what is wrong with a body or a query in the words of the one who wrote it. */
function sentenceOf(err: FastifyError): string {
  const first = err.validation?.[0];
  if (!first) return "The request is not as it should be.";
  const params: Record<string, unknown> = first.params;
  const field = first.instancePath.slice(1) || null;
  switch (first.keyword) {
    case "additionalProperties":
      return `The field “${params.additionalProperty}” is not known here.`;
    case "required":
      return `The field “${params.missingProperty}” is missing.`;
    case "type":
      return field ? `“${field}” must be a ${params.type}.` : "The body must be a JSON object.";
    case "minLength":
      return `“${field}” must not be empty.`;
    case "maxLength":
      return `“${field}” is too long: ${params.limit} characters are the most.`;
    case "minimum":
    case "maximum":
      return `“${field}” must be ${first.keyword === "minimum" ? "at least" : "at most"} ${params.limit}.`;
    default:
      return `“${field}” is not as it should be.`;
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.replace(/\?.*/s, "").slice(0, 200);
}
