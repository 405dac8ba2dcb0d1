/** The HTTP side: JSON in and out, bearer tokens, rate limits, and errors as the contract has them, never a stack trace. */
import type { Socket } from "node:net";
import { rateTierOfRoute } from "@hubscale/hub-core";
import { type FieldError, LIMITS } from "@hubscale/protocol";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { CallerCheck } from "./caller-check.ts";
import { REFUSED_AT_ONCE } from "./connection-limits.ts";
import type { HubMetrics } from "./hub-metrics.ts";
import { KeptConnections } from "./kept-connections.ts";
import { Newcomers } from "./newcomers.ts";
import { parsedJson } from "./parsed-json.ts";
import { type Clock, Refused, Unavailable } from "./ports.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import type { TokenCheck } from "./token-check.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Whose token the request carries; empty on routes that ask for none. */
    agentId: string;
    /** Length of the body's text, in UTF-16 code units. */
    bodyChars: number;
  }
}

export interface HttpAppOptions {
  tokens: TokenCheck;
  limiter: RateLimiter;
  metrics: HubMetrics;
  clock: Clock;
  callers: CallerCheck;
  /** Networks of balancers whose `X-Forwarded-For` is believed, in CIDR notation. */
  trustedProxies: readonly string[];
  /** Connections at one time, those that become WebSockets included. */
  connections: number;
  log(line: string): void;
  /** While true every request but `GET /health` is answered 503, as always on a connection that is one too many. */
  isDraining(): boolean;
  /** Anything but `Unavailable` out of a store: the hub must stop. */
  onBroken(error: unknown): void;
}

export interface HttpApp {
  /** Routes for everybody. */
  open: FastifyInstance;
  newcomers: Newcomers;
  /** Adds routes for everybody that cost something: limited by the caller's address. */
  limited(add: (app: FastifyInstance) => void): void;
  /** Adds routes that want a token; `request.agentId` is its owner. */
  secured(add: (app: FastifyInstance) => void): void;
  /** Ends the connections that wait for a request, then the server. While draining. */
  close(): Promise<void>;
}

export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { tokens, limiter, metrics } = options;
  const app = fastify({
    bodyLimit: LIMITS.payloadBytes,
    trustProxy: options.trustedProxies.length > 0 && [...options.trustedProxies],
    forceCloseConnections: "idle",
    connectionTimeout: STUCK_CONNECTION_MS,
    requestTimeout: REQUEST_MS,
    http: { headersTimeout: HEADERS_MS, maxHeaderSize: HEADER_BYTES },
    routerOptions: { maxParamLength: PATH_PART_CHARS },
    frameworkErrors: (_error, _request, reply) => badRequest(reply as unknown as FastifyReply),
    clientErrorHandler: answerBrokenRequest,
  });
  const newcomers = new Newcomers(app.server, {
    ...options,
    refusedAtOnce: REFUSED_AT_ONCE,
    onRefused: () => metrics.counters.connections_refused++,
  });
  const kept = new KeptConnections(app.server);
  app.decorateRequest("agentId", "");
  app.decorateRequest("bodyChars", 0);

  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>("*", { parseAs: "string" }, (request, body, done) => {
    if (body === "") return done(null, undefined);
    request.bodyChars = body.length;
    try {
      done(null, parsedJson(body));
    } catch (error) {
      done(Object.assign(error as SyntaxError, { statusCode: 400 }));
    }
  });

  app.addHook("onRequest", async (request, reply) => {
    metrics.counters.http_requests++;
    const refusal = options.callers.refusalOf(request.headers);
    if (refusal) {
      metrics.counters.callers_refused++;
      return reply.code(403).send(refusal);
    }
    if (!options.isDraining() && !newcomers.isRefused(request.raw.socket)) return;
    // A kept connection would bring the client back here instead of to a node that serves it.
    reply.header("connection", "close");
    if (request.url !== "/health") return unavailable(reply, ELSEWHERE_RETRY_MS);
  });

  app.setErrorHandler((error, request, reply) => {
    if (error instanceof Unavailable) {
      metrics.counters.unavailable++;
      return unavailable(reply, error.retryAfterMs);
    }
    if (error instanceof Refused) return reply.code(413).send({ error: error.code, limit_bytes: error.limitBytes });
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
    newcomers,
    limited(add) {
      app.register(async (scope) => {
        scope.addHook("onRequest", async (request, reply) => admit(limiter, metrics, request, reply, request.ip));
        add(scope);
      });
    },
    secured(add) {
      app.register(async (scope) => {
        scope.addHook("onRequest", authenticate);
        add(scope);
      });
    },
    async close() {
      await kept.dismiss(UNAVAILABLE, GOODBYE_MS);
      await app.close();
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

/** By then a load balancer has another node for the caller, or a connection is free. */
const ELSEWHERE_RETRY_MS = 1_000;

/** A path that cannot be decoded, or one with parts that are too long. */
function badRequest(reply: FastifyReply): FastifyReply {
  return reply.code(400).send({ error: "bad_request" });
}

function unavailable(reply: FastifyReply, retryAfterMs: number): FastifyReply {
  return reply
    .code(503)
    .header("retry-after", Math.ceil(retryAfterMs / 1_000))
    .send({ error: "unavailable", retry_after_ms: retryAfterMs });
}

/** The same for a connection on which nothing was asked. */
const UNAVAILABLE = rawAnswer(
  "503 Service Unavailable",
  { error: "unavailable", retry_after_ms: ELSEWHERE_RETRY_MS },
  `Retry-After: ${ELSEWHERE_RETRY_MS / 1_000}\r\n`,
);

/** For clients to close a connection that was ended. */
const GOODBYE_MS = 1_000;

function rawAnswer(status: string, body: object, headers = ""): string {
  const text = JSON.stringify(body);
  return `HTTP/1.1 ${status}\r\n${headers}Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

/** The name of the scheme in any case, as RFC 9110 has it. */
export function bearerOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^bearer +(.*)$/i.exec(header)?.[1]?.trim();
}

/** What the HTTP parser could not make a request of, in the form of all other errors. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code !== "ECONNRESET" && socket.writable) {
    const [status, body] = BROKEN_REQUESTS[error.code ?? ""] ?? ["400 Bad Request", { error: "bad_request" }];
    socket.write(rawAnswer(status, body));
  }
  socket.destroy(error);
}

/** Of all header lines together, in bytes; a token takes 80. Node's own default, stated since it is a limit of ours. */
const HEADER_BYTES = 16_384;

const BROKEN_REQUESTS: Record<string, [status: string, body: object]> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", { error: "headers_too_large", limit_bytes: HEADER_BYTES }],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", { error: "request_timeout" }],
};

/** For the head of a request: a client that sends it byte by byte holds a connection no longer. */
const HEADERS_MS = 20_000;

/** For a whole request: 1 MiB at 30 KB/s. */
const REQUEST_MS = 40_000;

/**
 * Without a byte in either direction: a client that does not read its answer is cut off. Long, since an overloaded hub of the
 * reference's kind answers late, and a client may well wait for that.
 */
const STUCK_CONNECTION_MS = 120_000;

/** The id of an endpoint: a host name (256) and a port. */
const PATH_PART_CHARS = 300;
