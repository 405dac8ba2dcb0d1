/**
 * Who is too many: connections beyond what the hub has files for are answered 503 and let go. Before that, those that have not asked
 * for anything give way.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "./ports.ts";

export interface NewcomersOptions {
  clock: Clock;
  /** Connections of any kind at one time. */
  connections: number;
  /** Connections beyond them that are being told so: the newest ones, the others are closed without a word. */
  refusedAtOnce: number;
  /** Called for each that is one too many. */
  onRefused(): void;
  /** The server failed in another way than for want of files or memory. */
  onBroken(error: unknown): void;
  log(line: string): void;
}

export class Newcomers {
  readonly #options: NewcomersOptions;
  readonly #taken = new Set<Duplex>();
  /** Of these, those that have not asked for anything, and since when (monotonic); the oldest first. */
  readonly #silent = new Map<Duplex, number>();
  readonly #refused = new Set<Duplex>();
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  /** Follows the connections of `server` from now on. */
  constructor(server: Server, options: NewcomersOptions) {
    this.#options = options;
    server.on("connection", (socket: Socket) => this.#came(socket));
    server.on("request", ({ socket }: IncomingMessage) => this.#silent.delete(socket));
    server.on("upgrade", (_request, socket) => this.#silent.delete(socket));
    server.on("error", (error: NodeJS.ErrnoException) => {
      // Until it listens, who asked it to hears of it.
      if (server.listening) this.#notAccepted(error);
    });
  }

  /** Whether what this connection asks for is to be answered 503. */
  isRefused(socket: Duplex): boolean {
    return this.#refused.has(socket);
  }

  #came(socket: Socket): void {
    const { clock, connections } = this.#options;
    if (this.#taken.size >= connections) this.#endSilent();
    if (this.#taken.size >= connections) return this.#refuse(socket);
    this.#taken.add(socket);
    this.#silent.set(socket, clock.monotonicMs());
    socket.once("close", () => this.#gone(socket));
  }

  #gone(socket: Duplex): void {
    this.#taken.delete(socket);
    this.#silent.delete(socket);
  }

  /** Ends the connection that has been silent for longest, if that is longer than a client needs to ask. */
  #endSilent(): void {
    const [oldest] = this.#silent;
    if (!oldest || this.#options.clock.monotonicMs() - oldest[1] < SILENT_MS) return;
    this.#gone(oldest[0]);
    oldest[0].destroy();
  }

  #refuse(socket: Socket): void {
    const { clock, connections, onRefused, refusedAtOnce } = this.#options;
    onRefused();
    this.#log(`all ${connections} connections are taken: newcomers are answered 503`);
    const [oldest] = this.#refused;
    if (oldest && this.#refused.size >= refusedAtOnce) {
      this.#refused.delete(oldest);
      oldest.destroy();
    }
    this.#refused.add(socket);
    const cancel = clock.after(REFUSED_MS, () => socket.destroy());
    socket.once("close", () => {
      cancel();
      this.#refused.delete(socket);
    });
  }

  #notAccepted(error: NodeJS.ErrnoException): void {
    if (!SCARCITY.has(error.code ?? "")) return this.#options.onBroken(error);
    this.#options.onRefused();
    this.#log(`a connection could not be accepted: ${error.message}`);
  }

  /** Nothing for a minute after a line. */
  #log(line: string): void {
    const { clock, log } = this.#options;
    if (clock.monotonicMs() - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#loggedAtMs = clock.monotonicMs();
    log(line);
  }
}

/** Of accept(2): the process or the system is out of files or memory, or the client has gone already. */
const SCARCITY: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ECONNABORTED"]);

/** A client asks right after it has connected; on a slow line a round trip later. */
const SILENT_MS = 1_000;

/** For a client that is one too many to ask for something, and to read that it does not get it. */
const REFUSED_MS = 1_000;

const LOG_EVERY_MS = 60_000;
