/** The WebSocket side: upgrades on `/ws`, the limit on connections, idle sockets, agents that have not been seen. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { LIMITS, TIMERS } from "@hubscale/protocol";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { AgentSession, type SessionContext } from "./agent-session.ts";
import { AgentSocket } from "./agent-socket.ts";
import type { CallerCheck } from "./caller-check.ts";
import type { Newcomers } from "./newcomers.ts";

export interface SocketServerOptions {
  callers: CallerCheck;
  maxConnections: number;
  maxBufferedBytes: number;
  log(line: string): void;
}

export class SocketServer {
  readonly #hub: SessionContext;
  readonly #options: SocketServerOptions;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: LIMITS.payloadBytes, perMessageDeflate: false });
  readonly #open = new Map<AgentSession, AgentSocket>();
  #isDraining = false;

  constructor(hub: SessionContext, options: SocketServerOptions) {
    this.#hub = hub;
    this.#options = options;
  }

  get connections(): number {
    return this.#open.size;
  }

  attach(server: Server, newcomers: Newcomers): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Until the handshake is over nobody else listens for the errors of this socket.
      socket.on("error", () => socket.destroy());
      const [path] = (request.url ?? "").split("?", 1);
      if (path !== "/ws") return refuse(socket, "404 Not Found");
      if (this.#options.callers.socketRefusalOf(request.headers)) return refuse(socket, "403 Forbidden");
      // Counted when it came.
      if (newcomers.isRefused(socket)) return refuse(socket, "503 Service Unavailable");
      if (this.#isDraining || this.#open.size >= this.#options.maxConnections) {
        this.#hub.metrics.counters.connections_refused++;
        return refuse(socket, "503 Service Unavailable");
      }
      this.#server.handleUpgrade(request, socket, head, (client) => this.#opened(client, socket));
    });
  }

  /**
   * To be called every few seconds: closes sockets without a frame for 60 s, and (but on the reference) those that do not say who
   * they are for as long: with a token in nobody's hand they would hold connections that agents need.
   */
  closeIdle(): void {
    const { clock, hasWarts } = this.#hub;
    const nowMs = clock.monotonicMs();
    for (const session of this.#open.keys()) {
      if (nowMs - session.lastFrameAtMs >= TIMERS.socketIdleMs) session.end(1000, "no frame for 60 s");
      else if (!hasWarts && !session.agent && nowMs - session.openedAtMs >= TIMERS.socketIdleMs) {
        session.end(1000, "not identified within 60 s");
      }
    }
  }

  /** To be called every 30 s: evicts agents that have not been seen for 60 s. */
  reap(): void {
    const nowMs = this.#hub.clock.monotonicMs();
    for (const session of this.#open.keys()) {
      const { agent } = session;
      if (!agent || !this.#hub.roster.isPresent(agent) || nowMs - agent.lastSeenMs < TIMERS.unseenForMs) continue;
      this.#options.log(
        `agent ${JSON.stringify(agent.agentId)} was not seen for ${TIMERS.unseenForMs / 1_000} s and is evicted`,
      );
      session.end(1000, "not seen for 60 s");
    }
  }

  /**
   * Takes nothing new, lets frames in progress be answered, and closes with 1001: agents without a task first, since they get
   * none here, and spread over `overMs`, so that they do not all arrive elsewhere at once. Resolves when all sockets are gone.
   */
  async drain(overMs: number): Promise<void> {
    this.#isDraining = true;
    const isBusy = ({ agent }: AgentSession) => (agent?.taskId ? 1 : 0);
    const leaving = [...this.#open].sort(([a], [b]) => isBusy(a) - isBusy(b));
    const startMs = performance.now();
    let staying = leaving.map(([session, socket], index) => ({
      session,
      socket,
      dueMs: startMs + (overMs * (index + 1)) / leaving.length,
    }));
    const sendAway = (isDue: (each: (typeof staying)[number]) => boolean) => {
      staying = staying.filter((each) => {
        if (!isDue(each)) return true;
        each.session.sendAway();
        return false;
      });
      return staying.length === 0;
    };
    await this.#until(() => {
      const nowMs = performance.now();
      return sendAway(({ socket, dueMs }) => socket.isQuiet && dueMs <= nowMs);
    }, overMs + DRAIN_MS);
    sendAway(() => true);
    await this.#until(() => this.#open.size === 0, CLOSE_MS);
    for (const socket of this.#open.values()) socket.terminate();
    await this.#until(() => this.#open.size === 0, CLOSE_MS);
    this.#server.close();
  }

  #opened(client: WebSocket, connection: Duplex): void {
    const socket = new AgentSocket({
      socket: client,
      metrics: this.#hub.metrics,
      maxBufferedBytes: this.#options.maxBufferedBytes,
    });
    const session = new AgentSession(this.#hub, socket);
    this.#open.set(session, socket);
    socket.listen((data) => session.handle(data));
    client.on("message", (data: RawData, isBinary: boolean) => {
      session.lastFrameAtMs = this.#hub.clock.monotonicMs();
      socket.receive(isBinary ? NOT_TEXT : (data as Buffer));
    });
    client.on("ping", () => {
      session.lastFrameAtMs = this.#hub.clock.monotonicMs();
    });
    // A broken client (bad frame, oversized payload, reset) has its close event, which does all there is to do.
    client.on("error", (error) =>
      // Quoted: an agent chooses its id, which may hold a line break.
      this.#options.log(`connection of ${JSON.stringify(session.agent?.agentId ?? "nobody yet")}: ${error.message}`),
    );
    client.on("close", () => {
      this.#open.delete(session);
      session.closed();
    });
    this.#boundUntilIdentified(session, client, connection);
  }

  /** Who is not known yet holds no more of the hub's memory than an identify frame takes, in one frame or many, finished or not. */
  #boundUntilIdentified(session: AgentSession, client: WebSocket, connection: Duplex): void {
    let bytes = 0;
    // After the listener of `ws`: what has come with these bytes has been handled.
    connection.on("data", function count(chunk: Buffer) {
      if (session.agent) return void connection.off("data", count);
      bytes += chunk.length;
      // What waits behind an identify frame that is being looked up is not read on.
      if (session.isIdentifying || bytes <= LIMITS.identifyBytes) return;
      connection.off("data", count);
      session.tooMuchBeforeIdentify();
      client.pause();
      setTimeout(() => client.terminate(), CLOSE_MS).unref();
    });
  }

  /** In real time, since the other ends are real: the clock may be one that a test turns. */
  async #until(isDone: () => boolean, withinMs: number): Promise<void> {
    for (let waitedMs = 0; !isDone() && waitedMs < withinMs; waitedMs += POLL_MS) await wait(POLL_MS);
  }
}

/** Binary frames are not part of the wire; they are answered as bad JSON. */
const NOT_TEXT = Buffer.from("");

/** For answers in progress when the hub drains: several group commits on a slow disk. */
const DRAIN_MS = 5_000;

/** For a client to answer a close frame. */
const CLOSE_MS = 1_000;

const POLL_MS = 5;

function refuse(socket: Duplex, status: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n${status.startsWith("503") ? "Retry-After: 1\r\n" : ""}\r\n`,
  );
}
