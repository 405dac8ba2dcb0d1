/** Whether a server lets this user do all that a hub does: asked at the start, so that it does not fail with the first task. */
import type { Redis } from "ioredis";
import { allReplies, needsNewConnection, replyCodeOf } from "./redis-errors.ts";

/** What a user lacks; all empty: nothing. */
export interface MissingPermissions {
  commands: string[];
  /** Commands that the server does not know: renamed, disabled, or too new for it. */
  unknown: string[];
  /** Access to the hub's keys. */
  keys: boolean;
  /** Access to the hub's channels. */
  channels: boolean;
}

/** For a key that this wrote before; it holds a string, so that nothing is made of any other type. */
const KEY_LIVES_MS = 10_000;

/**
 * Every command of the hub and of BullMQ's scripts, on a key that holds a string: Redis checks the permission first and then
 * refuses, or changes nothing that lasts.
 */
export function probesOf(key: string, channel: string): (readonly (string | number)[])[] {
  return [
    ["set", key, "1", "PX", KEY_LIVES_MS],
    ...["exists", "get", "hgetall", "hkeys", "hlen", "hvals", "incr", "llen", "lpop", "pttl", "scard", "smembers", "zcard"].map(
      (name) => [name, key],
    ),
    ["hdel", key, "f"],
    ["hexists", key, "f"],
    ["hget", key, "f"],
    ["hincrby", key, "f", 1],
    ["hmget", key, "f"],
    ["hmset", key, "f", "v"],
    ["hset", key, "f", "v"],
    ["hsetnx", key, "f", "v"],
    ["lindex", key, 0],
    ["lpos", key, "v"],
    ["lpush", key, "v"],
    ["lrange", key, 0, 0],
    ["lrem", key, 0, "v"],
    ["ltrim", key, 0, 0],
    ["pexpire", key, KEY_LIVES_MS],
    ["rpoplpush", key, key],
    ["rpush", key, "v"],
    ["sadd", key, "v"],
    ["srem", key, "v"],
    ["xadd", key, "*", "f", "v"],
    ["xtrim", key, "MAXLEN", 1],
    ["zadd", key, 1, "v"],
    ["zcount", key, 0, 0],
    ["zpopmin", key],
    ["zrange", key, 0, 0],
    ["zrangebyscore", key, 0, 0],
    ["zrem", key, "v"],
    ["zremrangebyrank", key, 0, 0],
    ["zremrangebyscore", key, 0, 0],
    ["zrevrange", key, 0, 0],
    ["zrevrangebyscore", key, 0, 0],
    ["zscore", key, "v"],
    ["eval", "return 1", 1, key],
    ["evalsha", "0".repeat(40), 1, key],
    ["publish", channel, "[]"],
    ["del", key],
  ];
}

/** Rejects with the error of a server that takes no writes. */
export async function missingPermissions(redis: Redis, of: { key: string; channel: string }): Promise<MissingPermissions> {
  const probes = probesOf(of.key, of.channel);
  const missing: MissingPermissions = { commands: [], unknown: [], keys: false, channels: false };
  const note = (names: readonly string[], error: Error | null) => {
    if (error === null) return;
    // A replica: the client leaves it, and what comes after has no answer.
    if (needsNewConnection(error)) throw error;
    if (/unknown command/i.test(error.message)) missing.unknown.push(...names);
    else if (replyCodeOf(error) !== "NOPERM") return;
    else if (/\bchannels?\b/i.test(error.message)) missing.channels = true;
    else if (/\bkeys?\b/i.test(error.message)) missing.keys = true;
    else missing.commands.push(...names);
  };
  const replies = (await redis.pipeline(probes.map((probe) => ["call", ...probe])).exec()) ?? [];
  for (const [index, [error]] of replies.entries()) note([String(probes[index]?.[0])], error);
  await allReplies(redis.multi().exists(of.key)).catch((error: Error) => note(["multi", "exec"], error));
  return missing;
}

/** Why a node must not start, with what to do about it. Undefined: nothing is missing. */
export function permissionRefusal(
  missing: MissingPermissions,
  { host, user, namespace }: { host: string; user: string; namespace: string },
): string | undefined {
  const { channels, commands, keys, unknown } = missing;
  if (unknown.length > 0) {
    return `Redis at ${host} does not know ${unknown.join(", ")}, which a hub needs: give these commands back their names (rename-command), or use Redis 6.2 or newer`;
  }
  const lacks = [
    ...(commands.length > 0 ? [`run ${commands.join(", ")}`] : []),
    ...(keys ? ["use the hub's keys"] : []),
    ...(channels ? ["use the hub's channels"] : []),
  ];
  if (lacks.length === 0) return undefined;
  const grants = [
    ...commands.map((name) => `+${name}`),
    ...(keys ? [`~{${namespace}*`] : []),
    ...(channels ? [`&${namespace}:*`] : []),
  ];
  return `Redis at ${host} does not let user ${user} ${lacks.join(" or ")}. Remedy: ACL SETUSER ${user} ${grants.join(" ")}`;
}
