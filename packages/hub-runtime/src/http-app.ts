/** The HTTP side: JSON in and out, bearer tokens, rate limits, and errors as the contract has them, never a stack trace. */
import { rateTierOfRoute } from "@hubscale/hub-core";
import { type FieldError, LIMITS } from "@hubscale/protocol";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { HubMetrics } from "./hub-metrics.ts";
import { Unavailable } from "./ports.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import type { TokenCheck } from "./token-check.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Whose token the request carries; empty on routes that ask for none. */
    agentId: string;
  }
}

export interface HttpAppOptions {
  tokens: TokenCheck;
  limiter: RateLimiter;
  metrics: HubMetrics;
  /** While true every request but `GET /health` is answered 503. */
  isDraining(): boolean;
  /** Anything but `Unavailable` out of a store: the hub must stop. */
  onBroken(error: unknown): void;
}

export interface HttpApp {
  /** Routes for everybody. */
  open: FastifyInstance;
  /** Adds routes that want a token; `request.agentId` is its owner. */
  secured(add: (app: FastifyInstance) => void): void;
}

export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { tokens, limiter, metrics } = options;
  const app = fastify({ bodyLimit: LIMITS.payloadBytes, forceCloseConnections: "idle" });
  app.decorateRequest("agentId", "");

  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>("*", { parseAs: "string" }, (_request, body, done) => {
    if (body === "") return done(null, undefined);
    try {
      done(null, JSON.parse(body));
    } catch (error) {
      done(Object.assign(error as SyntaxError, { statusCode: 400 }));
    }
  });

  app.addHook("onRequest", async (request, reply) => {
    metrics.counters.http_requests++;
    if (options.isDraining() && request.url !== "/health") return unavailable(reply, 1_000);
  });

  app.setErrorHandler((error, request, reply) => {
    if (error instanceof Unavailable) {
      metrics.counters.unavailable++;
      return unavailable(reply, error.retryAfterMs);
    }
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    if (status === 413) return reply.code(413).send({ error: "payload_too_large", limit_bytes: LIMITS.payloadBytes });
    if (status < 500) return reply.code(status).send({ error: error instanceof SyntaxError ? "invalid_json" : "bad_request" });
    options.onBroken(new Error(`${request.method} ${request.routeOptions.url ?? request.url} failed`, { cause: error }));
    return reply.code(500).send({ error: "internal_error" });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "not_found" }));

  const authenticate = async (request: FastifyRequest, reply: FastifyReply) => {
    const token = bearerOf(request.headers.authorization);
    const found = token === undefined ? undefined : tokens.agentOf(token);
    const agentId = typeof found === "object" ? await found : found;
    if (agentId === undefined) {
      return reply.code(401).send({ error: "unauthorized", hint: "provide Authorization: Bearer <token>" });
    }
    request.agentId = agentId;
    return admit(limiter, metrics, request, reply, agentId);
  };

  return {
    open: app,
    secured(add) {
      app.register(async (scope) => {
        scope.addHook("onRequest", authenticate);
        add(scope);
      });
    },
  };
}

/** For a hook: answers 429 and returns the reply if the caller has used up its share. */
export function admit(
  limiter: RateLimiter,
  metrics: HubMetrics,
  request: FastifyRequest,
  reply: FastifyReply,
  caller: string,
): FastifyReply | undefined {
  if (!limiter.isEnabled) return undefined;
  const admission = limiter.admit("http", caller, rateTierOfRoute(request.method, request.url));
  if (admission.ok) return undefined;
  metrics.counters.rate_limited++;
  return reply
    .code(429)
    .header("retry-after", Math.ceil(admission.retryAfterMs / 1_000))
    .send({ error: "rate_limited", retry_after_ms: admission.retryAfterMs, tier: admission.tier });
}

export function invalid(reply: FastifyReply, errors: readonly FieldError[]): FastifyReply {
  return reply.code(422).send({ error: "validation_failed", errors });
}

function unavailable(reply: FastifyReply, retryAfterMs: number): FastifyReply {
  return reply
    .code(503)
    .header("retry-after", Math.ceil(retryAfterMs / 1_000))
    .send({ error: "unavailable", retry_after_ms: retryAfterMs });
}

function bearerOf(header: string | undefined): string | undefined {
  return header?.startsWith("Bearer ") ? header.slice("Bearer ".length).trim() : undefined;
}
