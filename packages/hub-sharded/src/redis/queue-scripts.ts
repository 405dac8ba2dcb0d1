/**
 * What BullMQ has no script for, as Lua over its keys (layout of BullMQ 6.7: `<job>:lock`, list `active`, set `stalled`, sorted
 * sets `prioritized` and `failed`). Each is atomic with BullMQ's own scripts, since Redis runs one at a time.
 */
import type { RedisClient } from "./redis-link.ts";

/** BullMQ's score of a prioritized job: priority × 2^32 + a counter. */
export const PRIORITY_LANE = 2 ** 32;

const SCRIPTS = {
  /**
   * Gives the lock of an active job a new token. Refused (0) when another token than the expected one holds it, when the job
   * was started again since, or when it has no lock and waits or is finished. A job in no collection is active again: a script of
   * BullMQ was stopped half way, by a command that was forbidden since.
   * KEYS lock, job, active, stalled, wait, prioritized, delayed, completed, failed;
   * ARGV old token or "", new token, lease ms, starts, job id
   */
  hubscaleAdopt: {
    numberOfKeys: 9,
    lua: `
      local held = redis.call("GET", KEYS[1])
      if held and held ~= ARGV[1] then return 0 end
      if redis.call("HGET", KEYS[2], "ats") ~= ARGV[4] then return 0 end
      if not held and not redis.call("LPOS", KEYS[3], ARGV[5]) then
        if redis.call("HGET", KEYS[2], "finishedOn") or redis.call("LPOS", KEYS[5], ARGV[5]) then return 0 end
        if redis.call("ZSCORE", KEYS[6], ARGV[5]) or redis.call("ZSCORE", KEYS[7], ARGV[5]) then return 0 end
        redis.call("ZREM", KEYS[8], ARGV[5])
        redis.call("ZREM", KEYS[9], ARGV[5])
        redis.call("LPUSH", KEYS[3], ARGV[5])
      end
      redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
      redis.call("SREM", KEYS[4], ARGV[5])
      return 1`,
  },
  /** Writes a field of a job while the token holds its lock. KEYS lock, job; ARGV token, field, value */
  hubscaleNote: {
    numberOfKeys: 2,
    lua: `
      if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
      redis.call("HSET", KEYS[2], ARGV[2], ARGV[3])
      return 1`,
  },
  /**
   * Removes a job that waits or is held, if it still is in the start that the caller saw (0: none yet).
   * KEYS job, lock, prioritized, wait, delayed, active, stalled; ARGV job id, starts
   */
  hubscaleDiscard: {
    numberOfKeys: 7,
    lua: `
      local seen = redis.call("HMGET", KEYS[1], "data", "ats", "finishedOn")
      if not seen[1] or (seen[2] or "0") ~= ARGV[2] or seen[3] then return 0 end
      local removed = redis.call("ZREM", KEYS[3], ARGV[1]) + redis.call("LREM", KEYS[4], 1, ARGV[1])
        + redis.call("ZREM", KEYS[5], ARGV[1]) + redis.call("LREM", KEYS[6], 1, ARGV[1])
      redis.call("SREM", KEYS[7], ARGV[1])
      redis.call("DEL", KEYS[1], KEYS[2])
      return removed`,
  },
  /** Moves a waiting or parked job to the dead letters. KEYS prioritized, delayed, failed, job; ARGV job id, ms, data, reason */
  hubscaleExpire: {
    numberOfKeys: 4,
    lua: `
      if redis.call("ZREM", KEYS[1], ARGV[1]) + redis.call("ZREM", KEYS[2], ARGV[1]) == 0 then return 0 end
      redis.call("ZADD", KEYS[3], ARGV[2], ARGV[1])
      redis.call("HSET", KEYS[4], "data", ARGV[3], "failedReason", ARGV[4], "finishedOn", ARGV[2], "delay", 0)
      return 1`,
  },
  /**
   * Parks a dead letter, as BullMQ queues one again: it keeps a delayed job by its time × 4096.
   * KEYS failed, delayed, job; ARGV job id, ms, ms until which it is parked
   */
  hubscalePark: {
    numberOfKeys: 3,
    lua: `
      if redis.call("ZREM", KEYS[1], ARGV[1]) == 0 then return 0 end
      redis.call("HDEL", KEYS[3], "finishedOn", "processedOn", "failedReason")
      redis.call("HSET", KEYS[3], "retriedAt", ARGV[2], "delay", ARGV[3] - ARGV[2])
      redis.call("ZADD", KEYS[2], ARGV[3] * 4096, ARGV[1])
      return 1`,
  },
  /** The number of a name, given out in order. KEYS hash; ARGV name, maximum. -1: all are taken. */
  hubscaleNumber: {
    numberOfKeys: 1,
    lua: `
      local number = redis.call("HGET", KEYS[1], ARGV[1])
      if number then return tonumber(number) end
      number = redis.call("HLEN", KEYS[1])
      if number >= tonumber(ARGV[2]) then return -1 end
      redis.call("HSET", KEYS[1], ARGV[1], number)
      return number`,
  },
  /** Registers an agent id with its token's hash. KEYS agents, tokens; ARGV agent id, hash. 0: the id is taken. */
  hubscaleRegister: {
    numberOfKeys: 2,
    lua: `
      if redis.call("HSETNX", KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
      redis.call("HSET", KEYS[2], ARGV[2], ARGV[1])
      return 1`,
  },
} as const;

export type ScriptName = keyof typeof SCRIPTS;

/** Makes the scripts known to a connection; `runScript` calls them. */
export function defineScripts(redis: RedisClient): void {
  for (const [name, script] of Object.entries(SCRIPTS)) redis.defineCommand(name, script);
}

export function runScript(redis: RedisClient, name: ScriptName, args: readonly (string | number)[]): Promise<number> {
  const defined = redis as unknown as Record<ScriptName, (...args: (string | number)[]) => Promise<number>>;
  return defined[name](...args);
}
