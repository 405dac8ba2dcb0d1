/**
 * The connection of a node to one Redis, or to one Redis Cluster, for commands. When it is slow or gone, commands fail within a
 * bounded time and nothing piles up; the connection comes back by itself.
 */
import { type Clock, Unavailable } from "@hubscale/hub-runtime";
import { Cluster, Redis, type RedisOptions } from "ioredis";

export type RedisClient = Redis | Cluster;

export interface RedisLinkOptions {
  /** `redis://[user:password@]host:port[/db]`; several are servers of one Redis Cluster, any of which may be gone. */
  urls: readonly string[];
  isCluster: boolean;
  clock: Clock;
  log(line: string): void;
}

/** Commands that may wait for an answer at once. Past it Redis is not keeping up, and a refusal is better than a queue. */
const IN_FLIGHT_MAX = 20_000;
/** While a command has waited for so long, no new work is taken in. Far above an fsync, short for somebody who waits. */
const BEHIND_AFTER_MS = 1_000;
/** A Redis that says nothing for this long while asked counts as gone. Far above an fsync, far below a task's lease. */
const REPLY_WITHIN_MS = 5_000;
const CONNECT_WITHIN_MS = 5_000;
const RECONNECT_MAX_MS = 1_000;
/** What a refused caller should wait: about one reconnect. */
export const RETRY_AFTER_MS = 1_000;

export class RedisLink {
  readonly commands: RedisClient;
  readonly isCluster: boolean;
  readonly #clock: Clock;
  /** One for each operation that waits for an answer, oldest first. */
  readonly #inFlight = new Set<{ sinceMs: number }>();

  constructor({ urls, isCluster, clock, log }: RedisLinkOptions) {
    this.#clock = clock;
    this.isCluster = isCluster;
    const limits = { socketTimeout: REPLY_WITHIN_MS };
    this.commands = isCluster
      ? clusterOf(urls, { isQueueing: false, ...limits })
      : new Redis(urls[0] as string, { ...CONNECTION, ...limits, retryStrategy: reconnectAfterMs, enableOfflineQueue: false });
    watch(this.commands, "commands", log);
  }

  /** Rejects when Redis cannot be reached now. */
  open(): Promise<void> {
    return this.commands.connect();
  }

  /** False: new work would only queue up behind what Redis has not answered yet. */
  get isKeepingUp(): boolean {
    if (this.commands.status !== "ready") return false;
    for (const { sinceMs } of this.#inFlight) return this.#clock.monotonicMs() - sinceMs < BEHIND_AFTER_MS;
    return true;
  }

  /** Runs a command or several. Rejects with `Unavailable` when Redis did not answer; whether it acted is then not known. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#inFlight.size >= IN_FLIGHT_MAX) throw new Unavailable("redis is not keeping up", RETRY_AFTER_MS);
    const mark = { sinceMs: this.#clock.monotonicMs() };
    this.#inFlight.add(mark);
    try {
      return await operation();
    } catch (error) {
      throw isOutage(error) ? new Unavailable("redis does not answer", RETRY_AFTER_MS, { cause: error }) : error;
    } finally {
      this.#inFlight.delete(mark);
    }
  }

  close(): void {
    this.commands.disconnect();
  }
}

/** A connection that only listens, to the first server that can be had of a cluster. */
export function listenerOf({ urls, isCluster, log }: Omit<RedisLinkOptions, "clock">): RedisClient {
  // No time limit on an answer; keep-alive probes find a dead peer.
  const listener = isCluster
    ? clusterOf(urls, { isQueueing: true })
    : new Redis(urls[0] as string, { ...CONNECTION, retryStrategy: reconnectAfterMs });
  watch(listener, "bus", log);
  return listener;
}

const CONNECTION = {
  lazyConnect: true,
  connectTimeout: CONNECT_WITHIN_MS,
  // A command whose answer was lost may have been done: it is for the caller to find out, not to be sent twice.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} satisfies RedisOptions;

const reconnectAfterMs = (attempt: number): number => Math.min(50 * attempt, RECONNECT_MAX_MS);

/** A lost server's slots fail at once and are not asked for elsewhere: nobody knows whether the command was done. */
function clusterOf(
  urls: readonly string[],
  { isQueueing, ...limits }: { isQueueing: boolean; socketTimeout?: number },
): Cluster {
  const { lazyConnect, ...connection } = CONNECTION;
  const [{ username, password }] = urls.map((url) => new URL(url)) as [URL];
  return new Cluster([...urls], {
    lazyConnect,
    enableOfflineQueue: isQueueing,
    redisOptions: {
      ...connection,
      ...limits,
      ...(username !== "" && { username: decodeURIComponent(username) }),
      ...(password !== "" && { password: decodeURIComponent(password) }),
    },
    clusterRetryStrategy: reconnectAfterMs,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
  });
}

/** How soon slots that moved without an answer to tell of it are found. */
const SLOTS_REFRESH_MS = 5_000;

/** One line when a connection is lost, one when it is back. */
function watch(client: RedisClient, name: string, log: (line: string) => void): void {
  let isLost = false;
  client.on("error", (error: Error) => {
    if (!isLost) log(`redis, ${name}: ${error.message}`);
    isLost = true;
  });
  client.on("ready", () => {
    if (isLost) log(`redis, ${name}: connected again`);
    isLost = false;
  });
}

/**
 * Replies by which a running Redis says that it cannot serve now. A transaction is aborted (EXECABORT) when one of its commands was
 * sent to a server of a cluster that has lost or not yet got back the slot.
 */
const TRANSIENT_REPLY = /^(LOADING|MISCONF|READONLY|OOM|BUSY|MASTERDOWN|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|EXECABORT|NOREPLICAS)\b/;

/** BullMQ's refusals carry a negative code and Redis's replies a name; all else that fails here is the connection. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError) return false;
  if (error.name === "ReplyError") return TRANSIENT_REPLY.test(error.message);
  return !("code" in error && typeof error.code === "number");
}
