/** What a Redis promises of a write that it has acknowledged, read back from the running server. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { Redis } from "ioredis";

export interface RedisDurability {
  /** Undefined: it keeps nothing over a restart, or does not say. */
  level: DurabilityLevel | undefined;
  /** How the level was seen. */
  how: string;
  redisVersion: string;
}

/**
 * With `always` the reply follows the fsync. Otherwise it follows the write to the file, which the end of the Redis process does
 * not undo (with `everysec` the write may be put off by up to two seconds while an fsync is slow).
 */
export async function readDurability(redis: Redis): Promise<RedisDurability> {
  const info = await redis.info("server");
  const redisVersion = /^redis_version:(\S+)/m.exec(info)?.[1] ?? "unknown";
  const appendonly = await settingOf(redis, "appendonly");
  const appendfsync = await settingOf(redis, "appendfsync");
  // Otherwise the syncs pause while the file is rewritten, and `always` is only true most of the time.
  const pausing = await settingOf(redis, "no-appendfsync-on-rewrite");
  const how = `CONFIG GET: appendonly ${appendonly}, appendfsync ${appendfsync}, no-appendfsync-on-rewrite ${pausing}`;
  if (appendonly !== "yes") return { level: undefined, how, redisVersion };
  return { level: appendfsync === "always" && pausing === "no" ? "fsync" : "process", how, redisVersion };
}

/** Why a node must not start at the wanted level, with what to do about it. Undefined: it may. */
export function durabilityRefusal(wanted: DurabilityLevel, found: RedisDurability): string | undefined {
  if (found.level === "fsync" || (found.level === "process" && wanted === "process")) return undefined;
  const settings = ["appendonly yes", ...(wanted === "fsync" ? ["appendfsync always", "no-appendfsync-on-rewrite no"] : [])];
  const remedy = settings.map((setting) => `CONFIG SET ${setting}`).join("; ");
  return `--durability ${wanted} needs a Redis with ${settings.join(", ")}, but ${found.how}. Remedy: ${remedy}`;
}

async function settingOf(redis: Redis, name: string): Promise<string> {
  const [, value] = (await redis.config("GET", name)) as string[];
  return value ?? "unknown";
}
