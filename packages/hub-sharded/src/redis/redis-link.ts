/**
 * The connections of a node to one Redis: one for commands, one for the bus. When Redis is slow or gone, commands fail within
 * a bounded time and nothing piles up; both connections come back by themselves.
 */
import { Unavailable } from "@hubscale/hub-runtime";
import { Redis, type RedisOptions } from "ioredis";

export interface RedisLinkOptions {
  /** `redis://[user:password@]host:port[/db]` */
  url: string;
  log(line: string): void;
}

/** Commands that may wait for an answer at once. Past it Redis is not keeping up, and a refusal is better than a queue. */
const IN_FLIGHT_MAX = 20_000;
/** A Redis that says nothing for this long while asked counts as gone. Far above an fsync, far below a task's lease. */
const REPLY_WITHIN_MS = 5_000;
const CONNECT_WITHIN_MS = 5_000;
const RECONNECT_MAX_MS = 1_000;
/** What a refused caller should wait: about one reconnect. */
const RETRY_AFTER_MS = 1_000;

export class RedisLink {
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly #log: (line: string) => void;
  #inFlight = 0;

  constructor({ url, log }: RedisLinkOptions) {
    this.#log = log;
    const options = {
      lazyConnect: true,
      connectTimeout: CONNECT_WITHIN_MS,
      socketTimeout: REPLY_WITHIN_MS,
      // A command whose answer was lost may have been done: it is for the caller to find out, not to be sent twice.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt: number) => Math.min(50 * attempt, RECONNECT_MAX_MS),
    } satisfies RedisOptions;
    this.commands = new Redis(url, { ...options, enableOfflineQueue: false });
    // No time limit on a connection that only listens; keep-alive probes find a dead peer.
    const { socketTimeout: _, ...listening } = options;
    this.subscriber = new Redis(url, listening);
    this.#watch("commands", this.commands);
    this.#watch("bus", this.subscriber);
  }

  /** Rejects when Redis cannot be reached now. */
  async open(): Promise<void> {
    await Promise.all([this.commands.connect(), this.subscriber.connect()]);
  }

  /** Runs a command or several. Rejects with `Unavailable` when Redis did not answer; whether it acted is then not known. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#inFlight >= IN_FLIGHT_MAX) throw new Unavailable("redis is not keeping up", RETRY_AFTER_MS);
    this.#inFlight++;
    try {
      return await operation();
    } catch (error) {
      throw isOutage(error) ? new Unavailable("redis does not answer", RETRY_AFTER_MS, { cause: error }) : error;
    } finally {
      this.#inFlight--;
    }
  }

  close(): void {
    this.commands.disconnect();
    this.subscriber.disconnect();
  }

  /** One line when a connection is lost, one when it is back. */
  #watch(name: string, client: Redis): void {
    let isLost = false;
    client.on("error", (error: Error) => {
      if (!isLost) this.#log(`redis, ${name}: ${error.message}`);
      isLost = true;
    });
    client.on("ready", () => {
      if (isLost) this.#log(`redis, ${name}: connected again`);
      isLost = false;
    });
  }
}

/** Replies by which a running Redis says that it cannot serve now. */
const TRANSIENT_REPLY = /^(LOADING|MISCONF|READONLY|OOM|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS)\b/;

/** BullMQ's refusals carry a negative code and Redis's replies a name; all else that fails here is the connection. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError) return false;
  if (error.name === "ReplyError") return TRANSIENT_REPLY.test(error.message);
  return !("code" in error && typeof error.code === "number");
}
