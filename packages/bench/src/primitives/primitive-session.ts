/** The parts that a hub is made of, each alone: bare servers, JSON, SHA-256, batches of LevelDB. Nothing here measures. */
import { hash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type DataFolder, openDataFolder, RETAINED_COMPLETED_ROWS } from "@hubscale/hub-single";
import fastify, { type FastifyInstance } from "fastify";
import { WebSocket, WebSocketServer } from "ws";
import type { LoopKind, PrimitiveCommand, PrimitiveReply, TaskTexts } from "./primitive-protocol.ts";

/** Operations between two looks at the clock. */
const STRIDE = 256;

/** What the tuned hub keeps (C7). */
const TABLE_ROWS = RETAINED_COMPLETED_ROWS;

export class PrimitiveSession {
  readonly #reply: (reply: PrimitiveReply) => void;
  #opened: Opened | undefined;

  constructor(reply: (reply: PrimitiveReply) => void) {
    this.#reply = reply;
  }

  /** Resolves to true when the session is over. */
  async take(command: PrimitiveCommand): Promise<boolean> {
    if (command.kind === "open") {
      this.#opened = await Opened.start(command, () => this.#reply({ kind: "received" }));
      this.#reply({ kind: "opened", ...this.#opened.addresses });
      return false;
    }
    const opened = this.#opened;
    if (!opened) throw new Error(`${command.kind} before open`);
    switch (command.kind) {
      case "loop":
        this.#reply({ kind: "looped", operations: await opened.loop(command.loop, command.durationMs) });
        return false;
      case "send":
        opened.send(command.frame);
        this.#reply({ kind: "sent" });
        return false;
      case "close":
        await opened.close();
        this.#reply({ kind: "closed" });
        return true;
    }
  }
}

class Opened {
  readonly #texts: TaskTexts;
  readonly #folder: DataFolder;
  readonly #fastify: FastifyInstance;
  readonly #http: Server;
  readonly #ws: WebSocketServer;
  readonly #values: Record<"row" | "assign" | "acceptedAck", unknown>;
  #serial = 0;

  static async start(
    { texts, dataFolder, connections }: Extract<PrimitiveCommand, { kind: "open" }>,
    onReceived: () => void,
  ): Promise<Opened> {
    const answer: unknown = JSON.parse(texts.submitAnswer);
    const app = fastify();
    app.post("/api/tasks", async (_request, reply) => reply.code(201).send(answer));
    await app.listen({ host: "127.0.0.1", port: 0 });
    const http = bareHttp(answer);
    await listening(http);
    const ws = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
    await new Promise<void>((resolve) => ws.once("listening", resolve));
    let received = 0;
    ws.on("connection", (client) =>
      client.on("message", (data) => {
        JSON.parse((data as Buffer).toString("utf8"));
        received++;
        if (received % connections === 0) onReceived();
      }),
    );
    return new Opened(texts, await openDataFolder(dataFolder), app, http, ws);
  }

  private constructor(texts: TaskTexts, folder: DataFolder, app: FastifyInstance, http: Server, ws: WebSocketServer) {
    this.#texts = texts;
    this.#folder = folder;
    this.#fastify = app;
    this.#http = http;
    this.#ws = ws;
    const { row, assign, acceptedAck } = texts;
    this.#values = { row: JSON.parse(row), assign: JSON.parse(assign), acceptedAck: JSON.parse(acceptedAck) };
  }

  get addresses() {
    const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
    return {
      fastify: `http://127.0.0.1:${port(this.#fastify.server)}`,
      http: `http://127.0.0.1:${port(this.#http)}`,
      ws: `ws://127.0.0.1:${port(this.#ws)}`,
    };
  }

  /** One frame to each client, serialised for each, as frames about different tasks are. */
  send(frame: "assign" | "acceptedAck"): void {
    for (const client of this.#ws.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(JSON.stringify(this.#values[frame]));
    }
  }

  async loop(kind: LoopKind, durationMs: number): Promise<number> {
    const endMs = performance.now() + durationMs;
    switch (kind) {
      case "parse":
        return repeated(endMs, () => JSON.parse(this.#texts.row));
      case "stringify":
        return repeated(endMs, () => JSON.stringify(this.#values.row));
      case "sha256":
        return repeated(endMs, () => hash("sha256", this.#texts.token));
      case "commit1":
        return this.#commits(endMs, 1);
      case "commit8":
        return this.#commits(endMs, 8);
      case "commit64":
        return this.#commits(endMs, 64);
    }
  }

  /** Synced batches one after the other; counts rows. Under scattered keys, as task ids are, in a table that stays as large as a hub's. */
  async #commits(endMs: number, rows: number): Promise<number> {
    const { db } = this.#folder;
    let written = 0;
    while (performance.now() < endMs) {
      const batch = db.batch();
      for (let row = 0; row < rows; row++) {
        batch.put(`task/${hash("md5", String(this.#serial++ % TABLE_ROWS))}`, this.#texts.row);
      }
      await batch.write({ sync: true });
      written += rows;
    }
    return written;
  }

  async close(): Promise<void> {
    for (const client of this.#ws.clients) client.terminate();
    this.#ws.close();
    this.#http.closeAllConnections();
    this.#http.close();
    this.#fastify.server.closeAllConnections();
    await this.#fastify.close();
    await this.#folder.db.close();
  }
}

function repeated(endMs: number, operation: () => unknown): number {
  let operations = 0;
  while (performance.now() < endMs) {
    for (let n = 0; n < STRIDE; n++) operation();
    operations += STRIDE;
  }
  return operations;
}

/** The least that can be done for a POST with JSON both ways. */
function bareHttp(answer: unknown): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      JSON.parse(Buffer.concat(chunks).toString("utf8"));
      const text = JSON.stringify(answer);
      response.writeHead(201, { "content-type": "application/json; charset=utf-8", "content-length": Buffer.byteLength(text) });
      response.end(text);
    });
  });
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}
