/** A small HTTP server for the stubs: JSON in, what the stub likes out, bytes counted. Listens on a loopback address only. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Both directions of all connections, HTTP heads included, TCP and below not. */
export interface StubTraffic {
  requests: number;
  bytesIn: number;
  bytesOut: number;
}

export interface StubServer {
  port: number;
  url: string;
  traffic(): StubTraffic;
  /** Cuts what is open. */
  close(): Promise<void>;
}

export interface StubCall {
  method: string;
  /** Without the query. */
  path: string;
  headers: IncomingMessage["headers"];
  /** The parsed body; undefined when there is none. */
  body: unknown;
  response: ServerResponse;
  /** Once, if the client goes before the answer has ended. */
  onGone(run: () => void): void;
}

export interface StubServerOptions {
  /** 0: any. */
  port: number;
  /** Of the loopback network; default 127.0.0.1. On Linux each of 127.0.0.0/8 is there, so that servers can stand for hosts. */
  address?: string;
  maxBodyBytes: number;
  answer(call: StubCall): void;
  /** The body is no JSON, or larger than allowed; `answer` is not called. */
  refuse(response: ServerResponse, problem: "invalid_json" | "too_large", detail: string): void;
}

export async function startStubServer(options: StubServerOptions): Promise<StubServer> {
  const address = options.address ?? "127.0.0.1";
  const traffic = { requests: 0, bytesIn: 0, bytesOut: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    traffic.requests++;
    readBody(request, options.maxBodyBytes, (outcome) => {
      if (!outcome.ok) return options.refuse(response, outcome.problem, outcome.detail);
      options.answer(callOf(request, response, outcome.body));
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      traffic.bytesIn += socket.bytesRead;
      traffic.bytesOut += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${address}:${port}`,
    traffic() {
      const sum = { ...traffic };
      for (const { bytesRead, bytesWritten } of sockets) {
        sum.bytesIn += bytesRead;
        sum.bytesOut += bytesWritten;
      }
      return sum;
    },
    close() {
      const closed = new Promise<void>((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
      server.closeAllConnections();
      return closed;
    },
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(text)),
    ...headers,
  });
  response.end(text);
}

function callOf(request: IncomingMessage, response: ServerResponse, body: unknown): StubCall {
  return {
    method: request.method ?? "GET",
    path: (request.url ?? "/").split("?", 1)[0] ?? "/",
    headers: request.headers,
    body,
    response,
    onGone(run) {
      response.once("close", () => {
        if (!response.writableEnded) run();
      });
    },
  };
}

type BodyOutcome = { ok: true; body: unknown } | { ok: false; problem: "invalid_json" | "too_large"; detail: string };

/** A request that its client breaks off while sending calls nothing: nobody is there to be answered. */
function readBody(request: IncomingMessage, maxBytes: number, done: (outcome: BodyOutcome) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  });
  request.on("end", () => {
    if (bytes > maxBytes) return done({ ok: false, problem: "too_large", detail: `${bytes} bytes, ${maxBytes} allowed` });
    const text = Buffer.concat(chunks).toString("utf8");
    if (text === "") return done({ ok: true, body: undefined });
    try {
      done({ ok: true, body: JSON.parse(text) });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      done({ ok: false, problem: "invalid_json", detail: error.message });
    }
  });
}
