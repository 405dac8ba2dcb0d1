/** What a Redis promises of a write that it has acknowledged, read back from the running server. */
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import type { Redis } from "ioredis";
import type { ReadDurability } from "../backbone.ts";

export interface RedisDurability extends ReadDurability {
  /** It drops keys when its memory is full. */
  evicts: boolean;
}

/** What decides it, as `CONFIG GET` has it. */
export const DURABILITY_SETTINGS = [
  "appendonly",
  "appendfsync",
  "no-appendfsync-on-rewrite",
  "maxmemory",
  "maxmemory-policy",
] as const;

export async function readDurability(redis: Redis): Promise<RedisDurability & { redisVersion: string }> {
  const info = await redis.info("server");
  const redisVersion = /^redis_version:(\S+)/m.exec(info)?.[1] ?? "unknown";
  const settings: Record<string, string> = {};
  for (const name of DURABILITY_SETTINGS) {
    const [, value] = (await redis.config("GET", name)) as string[];
    if (value !== undefined) settings[name] = value;
  }
  return { ...durabilityOf(settings), redisVersion };
}

/**
 * With `always` the reply follows the fsync. Otherwise it follows the write to the file, which the end of the Redis process does
 * not undo (with `everysec` the write may be put off by up to two seconds while an fsync is slow). A server that evicts keys
 * deletes acknowledged tasks, from its file too.
 */
export function durabilityOf(settings: Readonly<Record<string, string>>): RedisDurability {
  const { appendonly, appendfsync, "no-appendfsync-on-rewrite": pausing } = settings;
  const how = `CONFIG GET: ${DURABILITY_SETTINGS.map((name) => `${name} ${settings[name] ?? "unknown"}`).join(", ")}`;
  // Without a limit of memory nothing is evicted, whatever the policy.
  const evicts = settings["maxmemory"] !== "0" && settings["maxmemory-policy"] !== "noeviction";
  if (appendonly !== "yes" || evicts) return { level: undefined, how, evicts };
  // The syncs would pause while the file is rewritten, and `always` would only be true most of the time.
  return { level: appendfsync === "always" && pausing === "no" ? "fsync" : "process", how, evicts };
}

/** Why a node must not start at the wanted level, with what to do about it. Undefined: it may. */
export function durabilityRefusal(wanted: DurabilityLevel, found: RedisDurability): string | undefined {
  if (found.level === "fsync" || (found.level === "process" && wanted === "process")) return undefined;
  const settings = [
    "appendonly yes",
    ...(wanted === "fsync" ? ["appendfsync always", "no-appendfsync-on-rewrite no"] : []),
    ...(found.evicts ? ["maxmemory-policy noeviction"] : []),
  ];
  const remedy = settings.map((setting) => `CONFIG SET ${setting}`).join("; ");
  const loss = found.evicts ? " (it evicts keys when its memory is full, acknowledged tasks too)" : "";
  return `--durability ${wanted} needs a Redis with ${settings.join(", ")}, but ${found.how}${loss}. Remedy: ${remedy}`;
}
