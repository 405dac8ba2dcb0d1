/** The hub's tasks in one Redis: opens the link, checks what the server promises, and wires the ports. */
import type { BackplaneDescription, Clock, DurabilityLevel, RandomHex } from "@hubscale/hub-runtime";
import { type Backbone, CannotStart } from "../backbone.ts";
import { EventBus } from "../event-bus.ts";
import { HoldTokens } from "../hold-tokens.ts";
import { durabilityRefusal, readDurability } from "./durability.ts";
import { defineScripts } from "./queue-scripts.ts";
import { RedisBackplane } from "./redis-backplane.ts";
import { RedisBroadcast } from "./redis-broadcast.ts";
import { RedisLink } from "./redis-link.ts";
import { RedisParkedTasks } from "./redis-parked-tasks.ts";
import { RedisQueueDirectory } from "./redis-queue-directory.ts";

export interface RedisBackboneOptions {
  node: string;
  redisUrl: string;
  namespace: string;
  shards: number;
  leaseMs: number;
  durability: DurabilityLevel;
  /** Completed tasks that each routing class keeps. */
  keepCompleted: number;
  clock: Clock;
  randomHex: RandomHex;
  log(line: string): void;
}

/** Throws `CannotStart`. */
export async function openRedisBackbone(options: RedisBackboneOptions): Promise<Backbone> {
  const { clock, log, namespace, node, randomHex } = options;
  const link = new RedisLink({ url: options.redisUrl, log });
  try {
    await connect(link, options.redisUrl);
    const refusal = durabilityRefusal(options.durability, await readDurability(link.commands));
    if (refusal !== undefined) throw new CannotStart(refusal);
    await agreeOnShards(link, options);
    defineScripts(link.commands);
    const queues = new RedisQueueDirectory({ ...options, link, tokens: new HoldTokens(node, randomHex) });
    await queues.refresh();
    const broadcast = new RedisBroadcast(link, namespace);
    const bus = new EventBus(broadcast, clock);
    return {
      queues,
      broadcast,
      parked: new RedisParkedTasks(link, namespace),
      backplane: new RedisBackplane({ link, namespace, bus, describe: () => describe(options, link, queues) }),
      // A connection is served in the order of its commands.
      servesInOrder: true,
      claim: (duty, forMs) => claim(link, `${namespace}:${duty}`, forMs),
      close: () => link.close(),
    };
  } catch (error) {
    link.close();
    throw error;
  }
}

async function connect(link: RedisLink, url: string): Promise<void> {
  try {
    await link.open();
  } catch (cause) {
    const { host } = new URL(url);
    throw new CannotStart(`no answer from Redis at ${host}: start one there, or name another with --redis`, { cause });
  }
}

/** A task's id names its shard, so all nodes must count alike, now and after a restart. */
async function agreeOnShards(link: RedisLink, { namespace, shards }: RedisBackboneOptions): Promise<void> {
  await link.commands.hsetnx(`${namespace}:hub`, "shards", shards);
  const agreed = Number(await link.commands.hget(`${namespace}:hub`, "shards"));
  if (agreed === shards) return;
  throw new CannotStart(
    `namespace ${namespace} has ${agreed} shards, not ${shards}: use --shards ${agreed} or another --namespace`,
  );
}

async function claim(link: RedisLink, key: string, forMs: number): Promise<boolean> {
  return (await link.run(() => link.commands.set(key, "1", "PX", forMs, "NX"))) === "OK";
}

async function describe(
  options: RedisBackboneOptions,
  link: RedisLink,
  queues: RedisQueueDirectory,
): Promise<BackplaneDescription> {
  const { keepCompleted, leaseMs, namespace, node, shards } = options;
  const { how, level, redisVersion } = await link.run(() => readDurability(link.commands));
  const size = [...queues.all()].length;
  return {
    hub: "sharded-redis",
    node,
    // A server that was turned down since the start keeps less than any level; `how` says so.
    durability: { verified: level ?? "process", how: level === undefined ? `not durable at all; ${how}` : how },
    details: {
      redis_version: redisVersion,
      namespace,
      shards,
      routing_classes: size / shards,
      queues: size,
      lease_ms: leaseMs,
      kept_completed_per_class: keepCompleted,
    },
  };
}
