import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { NullDesk, type NullHubFlaws } from "./null-desk.ts";

/**
 * A hub that keeps nothing and checks nearly nothing: first task to the agent that is free for longest. What the harness measures
 * against it is the harness's own floor. With `flaws` it breaks the rules, so that tests can see the tester notice.
 */
export interface NullHubOptions {
  port: number;
  /** Default: 127.0.0.1. */
  host?: string;
  flaws?: Partial<NullHubFlaws>;
  /** After this many registrations one is answered 429, to be tried again; absent: never. */
  registrationsFree?: number;
}

export interface NullHub {
  port: number;
  wsUrl: string;
  httpUrl: string;
  /** Cuts all agents' connections. */
  cutAll(): void;
  close(): Promise<void>;
}

const NO_FLAWS: NullHubFlaws = { loseEvery: 0, repeatEvery: 0, staleEvery: 0, refuseEvery: 0, debtMsPerTask: 0 };

export async function startNullHub(options: NullHubOptions): Promise<NullHub> {
  const { host = "127.0.0.1" } = options;
  const desk = new NullDesk({ ...NO_FLAWS, ...options.flaws });
  const door = new NullDoor(desk, options.registrationsFree ?? Number.POSITIVE_INFINITY);
  const http = createServer((request, response) => door.answer(request, response));
  // The default would close kept-alive connections between two trials.
  http.keepAliveTimeout = 120_000;
  const sockets = new WebSocketServer({ server: http, path: "/ws", perMessageDeflate: false, skipUTF8Validation: true });
  sockets.on("connection", (socket) => desk.connected(socket));
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(options.port, host, resolve);
  });
  const { port } = http.address() as AddressInfo;
  return {
    port,
    wsUrl: `ws://${host}:${port}/ws`,
    httpUrl: `http://${host}:${port}`,
    cutAll: () => {
      for (const socket of sockets.clients) socket.terminate();
    },
    close: () => closeAll(http, sockets),
  };
}

/** The HTTP routes that a load generator uses. */
class NullDoor {
  readonly #desk: NullDesk;
  #registrationsFree: number;

  constructor(desk: NullDesk, registrationsFree: number) {
    this.#desk = desk;
    this.#registrationsFree = registrationsFree;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const route = `${request.method} ${request.url}`;
    if (route === "POST /api/tasks") {
      withBody(request, (body) => this.#submit(body, response));
    } else if (route === "POST /api/onboard/register") {
      withBody(request, (body) => this.#register(body, response));
    } else if (route.startsWith("GET /api/tasks/")) {
      const task = this.#desk.find(route.slice("GET /api/tasks/".length));
      if (task) reply(response, 200, `{"id":"${task.id}","status":"${task.status}","generation":${task.generation}}`);
      else reply(response, 404, '{"error":"task_not_found"}');
    } else if (route === "GET /health") {
      reply(response, 200, '{"status":"ok"}');
    } else {
      reply(response, 404, '{"error":"not_found"}');
    }
  }

  #submit(body: string, response: ServerResponse): void {
    const task = this.#desk.submit(body);
    if (!task) reply(response, 503, '{"error":"unavailable"}');
    else reply(response, 201, `{"status":"queued","task_id":"${task.id}","priority":2,"created_at":${Date.now()}}`);
  }

  #register(body: string, response: ServerResponse): void {
    if (this.#registrationsFree-- <= 0) {
      this.#registrationsFree = Number.POSITIVE_INFINITY;
      response.setHeader("retry-after", "1");
      reply(response, 429, '{"error":"rate_limited","tier":"heavy","retry_after_ms":50}');
      return;
    }
    const { agent_id: agentId } = JSON.parse(body) as { agent_id: string };
    reply(response, 201, JSON.stringify({ agent_id: agentId, token: randomBytes(32).toString("hex") }));
  }
}

function withBody(request: IncomingMessage, use: (body: string) => void): void {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", () => use(body));
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

async function closeAll(http: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.close(1001);
  const closed = new Promise<void>((resolve) => {
    http.close(() => resolve());
  });
  http.closeAllConnections();
  for (const socket of sockets.clients) socket.terminate();
  await closed;
}
