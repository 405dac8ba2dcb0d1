/**
 * The connection of a node to one Redis, or to one Redis Cluster, for commands. When it is slow or gone, commands fail within a
 * bounded time and nothing piles up; the connection comes back by itself.
 */
import { type Clock, Refused, type StoreObserver, Unavailable } from "@hubscale/hub-runtime";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { needsNewConnection, RETRY_AFTER_MS, replyCodeOf, sortOf } from "./redis-errors.ts";

export type RedisClient = Redis | Cluster;

export interface RedisLinkOptions {
  /** `redis://[user:password@]host:port[/db]`; several are servers of one Redis Cluster, any of which may be gone. */
  urls: readonly string[];
  isCluster: boolean;
  clock: Clock;
  log(line: string): void;
  /** The server does not serve this connection any more, and a new one is made: other connections to it are stale as well. */
  onStale?(): void;
}

/** Commands that may wait for an answer at once. Past it Redis is not keeping up, and a refusal is better than a queue. */
const IN_FLIGHT_MAX = 20_000;
/** While a command has waited for so long, no new work is taken in. Far above an fsync, short for somebody who waits. */
const BEHIND_AFTER_MS = 1_000;
/** A Redis that says nothing for this long while asked counts as gone. Far above an fsync, far below a task's lease. */
export const REPLY_WITHIN_MS = 5_000;
const CONNECT_WITHIN_MS = 5_000;
const RECONNECT_MAX_MS = 1_000;
/** Between new connections to an address that goes on being a replica: a failover takes seconds. */
const RENEW_EVERY_MS = 1_000;
/** The same cause is logged again after so long. */
const LOG_AGAIN_MS = 60_000;

export class RedisLink {
  readonly commands: RedisClient;
  readonly isCluster: boolean;
  readonly #clock: Clock;
  readonly #host: string;
  readonly #log: (line: string) => void;
  /** One for each operation that waits for an answer, oldest first. */
  readonly #inFlight = new Set<{ sinceMs: number }>();
  /** When each cause was last logged, by the code of the reply. */
  readonly #loggedMs = new Map<string, number>();
  /** Hears how long each operation took. */
  observe: StoreObserver = () => undefined;
  #lastConnectionError: Error | undefined;
  #valueBytesMax = VALUE_BYTES_MAX;

  constructor({ urls, isCluster, clock, log, onStale }: RedisLinkOptions) {
    this.#clock = clock;
    this.#host = hostsOf(urls);
    this.#log = log;
    this.isCluster = isCluster;
    const limits = { socketTimeout: REPLY_WITHIN_MS, reconnectOnError: renewal(clock, onStale) };
    this.commands = isCluster
      ? clusterOf(urls, { isQueueing: false, ...limits })
      : new Redis(urls[0] as string, { ...CONNECTION, ...limits, retryStrategy: reconnectAfterMs, enableOfflineQueue: false });
    watch(this.commands, "commands", log);
    this.commands.on("error", (error: Error) => {
      this.#lastConnectionError = error;
    });
    this.commands.on("ready", () => {
      this.#lastConnectionError = undefined;
      void this.#readValueLimit();
    });
    this.#refuseLargeValues();
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

  /** For new work: throws `Unavailable` unless the link keeps up. */
  mustKeepUp(): void {
    if (this.isKeepingUp) return;
    if (this.commands.status === "ready") this.logCause("behind", `it has not answered for ${BEHIND_AFTER_MS} ms`);
    else this.#logConnection();
    throw new Unavailable("redis is not keeping up", RETRY_AFTER_MS);
  }

  /**
   * Runs a command or several. Rejects with `Unavailable` when Redis did not answer or cannot serve now (whether it acted is then
   * not known), with `Refused` when it never takes this, and with anything else when the hub must stop.
   */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#inFlight.size >= IN_FLIGHT_MAX) throw new Unavailable("redis is not keeping up", RETRY_AFTER_MS);
    const mark = { sinceMs: this.#clock.monotonicMs() };
    this.#inFlight.add(mark);
    try {
      return await operation();
    } catch (error) {
      throw this.#sorted(error);
    } finally {
      this.#inFlight.delete(mark);
      this.observe(this.#clock.monotonicMs() - mark.sinceMs);
    }
  }

  /** Throws `Refused` when a value is larger than Redis takes. For pipelines; single commands are checked as they are sent. */
  mustTake(value: string): void {
    if (isLarger(value, this.#valueBytesMax)) throw this.#tooLarge();
  }

  /** Says why Redis does not serve, once a minute for each code. */
  logCause(code: string, cause: string): void {
    const nowMs = this.#clock.monotonicMs();
    const loggedMs = this.#loggedMs.get(code);
    if (loggedMs !== undefined && nowMs - loggedMs < LOG_AGAIN_MS) return;
    this.#loggedMs.set(code, nowMs);
    this.#log(`redis at ${this.#host} does not serve: ${cause}`);
  }

  close(): void {
    this.commands.disconnect();
  }

  #sorted(error: unknown): unknown {
    if (error instanceof Unavailable || error instanceof Refused) return error;
    switch (sortOf(error)) {
      case "broken":
        return error;
      case "refused":
        return this.#tooLarge();
      case "unavailable": {
        const code = replyCodeOf(error);
        if (code === undefined) this.#logConnection();
        else this.logCause(code, (error as Error).message);
        return new Unavailable("redis does not serve", RETRY_AFTER_MS, { cause: error });
      }
    }
  }

  /** What fails for want of a connection only says so; the connection's last error says why. */
  #logConnection(): void {
    const cause = this.#lastConnectionError?.message ?? "the connection is lost";
    this.logCause(cause, cause);
  }

  #tooLarge(): Refused {
    const limitBytes = this.#valueBytesMax;
    return new Refused("payload_too_large", `redis takes ${limitBytes} bytes in one value (proto-max-bulk-len)`, limitBytes);
  }

  /** Redis closes the connection of who sends more, with all that is under way on it: larger values are not sent. */
  #refuseLargeValues(): void {
    const { commands } = this;
    const send = commands.sendCommand.bind(commands) as (...args: unknown[]) => unknown;
    commands.sendCommand = ((...args: Parameters<Redis["sendCommand"]>) => {
      const [command, stream] = args;
      // A command that is left out of a pipeline would keep the others from being sent.
      const isAlone = !(stream && "isPipeline" in stream);
      if (isAlone && (command.args as unknown[]).some((value) => isLarger(value, this.#valueBytesMax))) {
        command.reject(this.#tooLarge());
        return command.promise;
      }
      return send(...args);
    }) as typeof commands.sendCommand;
  }

  /** At each connection, since it may have been changed; one that is above it ends the connection. */
  async #readValueLimit(): Promise<void> {
    // A server that does not say now has the limit of before.
    const limitOf = (name: string) => this.commands.config("GET", name).catch(() => []) as Promise<string[]>;
    const limits = await Promise.all(VALUE_LIMITS.map(limitOf));
    const known = limits.map(([, bytes]) => Number(bytes)).filter((bytes) => bytes > 0);
    if (known.length > 0) this.#valueBytesMax = Math.min(...known) - COMMAND_BYTES;
  }
}

/** Of one value, and of what a client has sent and Redis has not carried out. */
const VALUE_LIMITS = ["proto-max-bulk-len", "client-query-buffer-limit"];
/** Redis' own default. */
const VALUE_BYTES_MAX = 512 * 2 ** 20;
/** What a command takes beside its value. */
const COMMAND_BYTES = 65_536;
/** A character of a string is at most three bytes. */
const CHARACTER_BYTES_MAX = 3;

function isLarger(value: unknown, limitBytes: number): boolean {
  if (typeof value === "string") {
    return value.length * CHARACTER_BYTES_MAX > limitBytes && Buffer.byteLength(value) > limitBytes;
  }
  return Buffer.isBuffer(value) && value.length > limitBytes;
}

/** A connection that only listens, to the first server that can be had of a cluster. Subscriptions end with it. */
export function listenerOf({ urls, isCluster, log }: Omit<RedisLinkOptions, "clock">): RedisClient {
  // No time limit on an answer; keep-alive probes find a dead peer.
  const listener = isCluster
    ? clusterOf(urls, { isQueueing: true })
    : // The client's own resubscription would end the process when it is refused.
      new Redis(urls[0] as string, { ...CONNECTION, retryStrategy: reconnectAfterMs, autoResubscribe: false });
  watch(listener, "bus", log);
  return listener;
}

export const CONNECTION = {
  lazyConnect: true,
  connectTimeout: CONNECT_WITHIN_MS,
  // A command whose answer was lost may have been done: it is for the caller to find out, not to be sent twice.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
} satisfies RedisOptions;

const reconnectAfterMs = (attempt: number): number => Math.min(50 * attempt, RECONNECT_MAX_MS);

/** Whether to connect anew because of an error. */
function renewal(clock: Clock, onStale: () => void = () => undefined): (error: Error) => boolean {
  let renewedMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (!needsNewConnection(error) || clock.monotonicMs() - renewedMs < RENEW_EVERY_MS) return false;
    renewedMs = clock.monotonicMs();
    onStale();
    return true;
  };
}

/** A lost server's slots fail at once and are not asked for elsewhere: nobody knows whether the command was done. */
function clusterOf(
  urls: readonly string[],
  { isQueueing, ...limits }: { isQueueing: boolean } & Pick<RedisOptions, "socketTimeout" | "reconnectOnError">,
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

/** Without user and password. */
export function hostsOf(urls: readonly string[]): string {
  return urls.map((url) => new URL(url).host).join(", ");
}
