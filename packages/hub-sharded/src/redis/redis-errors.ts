/**
 * What an error of Redis, of its client or of BullMQ means to the hub. The one place that decides it: `RedisLink` asks here for
 * every command.
 */
import { Refused, Unavailable } from "@hubscale/hub-runtime";
import type { ChainableCommander } from "ioredis";

/**
 * `refused`: this request, however often it is sent. `unavailable`: it may succeed later. `broken`: this hub is wrong, and must
 * not go on. What is not known is `unavailable`.
 */
export type RedisErrorSort = "refused" | "unavailable" | "broken";

export function sortOf(error: unknown): RedisErrorSort {
  if (error instanceof Refused) return "refused";
  if (!(error instanceof Error)) return "unavailable";
  if (isReply(error)) return TOO_LARGE.test(error.message) ? "refused" : "unavailable";
  // BullMQ's codes that no caller expects say that a job is not what this hub has made of it.
  if ("code" in error && typeof error.code === "number") return "broken";
  return error instanceof TypeError || error instanceof ReferenceError ? "broken" : "unavailable";
}

/** What Redis says of a command that is above its limits, and then closes the connection. */
const TOO_LARGE = /Protocol error: (invalid bulk length|too big)|string exceeds maximum allowed size/;

/**
 * The code of a reply such as READONLY or OOM, also where a script ran into it: Redis 7 puts it first, Redis 6 into the text
 * (`ERR Error running script …: -READONLY …`). `ERR` where there is no other; undefined: the connection failed, not the command.
 */
export function replyCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !isReply(error)) return undefined;
  const [, code] = /^(-?[A-Z]+)\b/.exec(error.message) ?? [];
  const [, inner] = /^ERR .*?(?:script|@user_script).*?-([A-Z]{2,})\b/s.exec(error.message) ?? [];
  return inner ?? code ?? "ERR";
}

function isReply(error: Error): boolean {
  return error.name === "ReplyError";
}

/**
 * This connection ends at a server that does not serve it any more: a primary that has become a replica, or one that has
 * forgotten the login. Another connection to the same address may do better.
 */
export function needsNewConnection(error: unknown): boolean {
  return STALE_CONNECTION.has(replyCodeOf(error) ?? "");
}

const STALE_CONNECTION = new Set(["READONLY", "MASTERDOWN", "NOAUTH"]);

/** One value for each command of a pipeline or transaction; rejects with the first error among them. */
export async function allReplies(chain: ChainableCommander): Promise<unknown[]> {
  // A transaction is dropped for a command that was refused: that one says why.
  const replies = await chain.exec().catch((error: Error & { previousErrors?: Error[] }) => {
    throw error.previousErrors?.[0] ?? error;
  });
  if (!replies) throw new Unavailable("redis dropped a transaction", RETRY_AFTER_MS);
  return replies.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

/** What a refused caller should wait: about one reconnect. */
export const RETRY_AFTER_MS = 1_000;
