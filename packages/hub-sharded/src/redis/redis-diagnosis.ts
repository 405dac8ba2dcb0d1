/** Why a node cannot use a Redis at its start, in words, with what to do about it. */
import { connect } from "node:net";
import { Redis } from "ioredis";
import { replyCodeOf } from "./redis-errors.ts";
import { CONNECTION, hostsOf } from "./redis-link.ts";

/** Each question is answered within a millisecond, by a server that answers. */
const ANSWER_WITHIN_MS = 2_000;

export interface FailedOpening {
  isCluster: boolean;
  /** How long was waited. */
  withinMs: number;
  /** What the client said. */
  cause?: unknown;
}

/** Asks servers that could not be used why: the first of them that says it. */
export async function whyNotOpen(urls: readonly string[], { cause, isCluster, withinMs }: FailedOpening): Promise<string> {
  if (replyCodeOf(cause) !== undefined) return reasonInWords(hostsOf(urls), cause);
  const reasons = await Promise.all(urls.map((url) => reasonOf(url, isCluster)));
  const known = reasons.filter((reason) => reason !== undefined);
  // A cluster that says it is down tells more than its server that is gone.
  return known.find((reason) => reason.includes("cluster_state")) ?? known[0] ?? notReady(hostsOf(urls), withinMs);
}

const notReady = (host: string, withinMs: number) =>
  `Redis at ${host} was not ready within ${withinMs / 1_000} s: see its log, or name another with --redis`;

/** Undefined: it answers as it should. */
async function reasonOf(url: string, isCluster: boolean): Promise<string | undefined> {
  const { host } = new URL(url);
  const client = new Redis(url, {
    ...CONNECTION,
    connectTimeout: ANSWER_WITHIN_MS,
    socketTimeout: ANSWER_WITHIN_MS,
    // It would wait until the server is ready.
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let connectionError: Error | undefined;
  client.on("error", (error: Error) => {
    connectionError ??= error;
  });
  try {
    await client.connect();
    await client.ping();
    return isCluster ? clusterReason(host, String(await client.cluster("INFO"))) : undefined;
  } catch (error) {
    const said = CLOSED.test((connectionError ?? (error as Error)).message) ? await greetingOf(url) : "";
    return reasonInWords(host, said === "" ? (connectionError ?? error) : new Error(said));
  } finally {
    client.disconnect();
  }
}

/** The words of a server that closes a connection at once are lost to who sends something. */
const CLOSED = /Connection is closed|ECONNRESET|EPIPE/;

/** What the server says to who only listens; empty: nothing. */
function greetingOf(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 6379) });
    const end = (said: string) => {
      socket.destroy();
      resolve(said);
    };
    socket.setTimeout(ANSWER_WITHIN_MS, () => end(""));
    socket.once("data", (data) => end(data.toString("utf8", 0, GREETING_BYTES).trim()));
    socket.once("error", () => end(""));
    socket.once("close", () => end(""));
  });
}

const GREETING_BYTES = 200;

function clusterReason(host: string, info: string): string | undefined {
  const fact = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? "unknown";
  if (fact("cluster_state") === "ok") return undefined;
  return `the Redis Cluster of ${host} is down (cluster_state ${fact("cluster_state")}, ${fact("cluster_slots_ok")} of 16384 slots served): start its lost servers, or assign their slots to others`;
}

/** What an error at the start says of the server, and what to do about it. */
export function reasonInWords(host: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const advice = ADVICE.find(([pattern]) => pattern.test(message));
  if (advice) return `Redis at ${host} ${advice[1]} (${message}): ${advice[2]}`;
  if (replyCodeOf(error) !== undefined) return `Redis at ${host} refuses a command that a hub needs: ${message}`;
  return `no answer from Redis at ${host} (${message}): start one there, or name another with --redis`;
}

const ADVICE: readonly (readonly [said: RegExp, what: string, remedy: string])[] = [
  [
    /NOAUTH|WRONGPASS|invalid password|invalid username/,
    "refuses the login",
    "name user and password, as redis://user:password@host:port",
  ],
  [/NOPERM/, "does not allow its user what a hub needs", "grant it with ACL SETUSER"],
  [/LOADING/, "is loading its data", "start the node when it has, or restart it until then"],
  [/max number of clients/, "takes no more connections", "raise its maxclients, or end other clients"],
  [/READONLY|MASTERDOWN/, "is a replica and takes no writes", "name its primary with --redis"],
  [/OOM/, "has no memory left", "raise its maxmemory"],
  [/MISCONF/, "cannot write to its disk", "see its log"],
  [/CLUSTERDOWN/, "is of a Redis Cluster that is down", "start its lost servers"],
  [/MOVED|CROSSSLOT/, "is one of a Redis Cluster", "add --redis-cluster"],
  [/cluster support disabled/, "is not of a Redis Cluster", "leave --redis-cluster out, or name servers of one"],
  [
    /unknown command/i,
    "does not know a command that is needed",
    "give it back its name (rename-command), or use another Redis",
  ],
  [/DENIED/, "is in protected mode", "give it a password, or bind it to 127.0.0.1"],
  [
    /Unknown RESP type|Please report this|wrong version number|SSL|TLS/,
    "does not speak Redis' protocol as asked",
    "name a Redis; a TLS port is rediss://host:port, another one redis://host:port",
  ],
  [/Socket timeout/, "takes connections and says nothing", "see what listens there; a TLS port is rediss://host:port"],
  [CLOSED, "closes the connection without a word", "see what listens there; a TLS port is rediss://host:port"],
];
