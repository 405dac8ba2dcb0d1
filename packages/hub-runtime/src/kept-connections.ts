/**
 * Ends the HTTP connections that clients keep open between requests, so that none of them sees an error: a request may be on its way
 * while the hub closes, and a closed connection would leave its client not knowing what became of it. So each gets an answer in
 * advance, "503, try again": it is the truth for a request that crosses it, which is not read any more, and without one it only
 * comes before the end of the connection.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

export class KeptConnections {
  /** By connection: requests that are not answered yet. */
  readonly #unanswered = new Map<Socket, number>();

  /** Follows the connections of `server` from now on; those that become WebSockets are let go. */
  constructor(server: Server) {
    server.on("connection", (socket: Socket) => {
      this.#unanswered.set(socket, 0);
      socket.once("close", () => this.#unanswered.delete(socket));
    });
    server.on("upgrade", (_request, socket) => this.#unanswered.delete(socket as Socket));
    server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#count(socket, 1);
      response.once("close", () => this.#count(socket, -1));
    });
  }

  /** Answers and ends those that wait for a request; resolves when their clients have closed them, or after `limitMs`. */
  async dismiss(answer: string, limitMs: number): Promise<void> {
    const idle = [...this.#unanswered].flatMap(([socket, requests]) => (requests === 0 ? [socket] : []));
    for (const socket of idle) if (socket.writable) socket.end(answer);
    for (const startMs = performance.now(); performance.now() - startMs < limitMs; ) {
      if (idle.every(({ closed }) => closed)) return;
      await wait(POLL_MS);
    }
  }

  #count(socket: Socket, change: number): void {
    const before = this.#unanswered.get(socket);
    if (before !== undefined) this.#unanswered.set(socket, before + change);
  }
}

const POLL_MS = 5;
