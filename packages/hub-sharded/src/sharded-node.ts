/** One node of the sharded hub: its link to Redis, its backplane and its desk. Keeps nothing that it would miss when killed. */
import type { Backplane, Clock, DurabilityLevel, HubView, RandomHex, Roster, TaskDesk } from "@hubscale/hub-runtime";
import { seedCompleted } from "./completed-seed.ts";
import { durabilityRefusal, readDurability } from "./durability.ts";
import { stalledCheckMs } from "./lease-keeper.ts";
import { QueueMap } from "./queue-map.ts";
import { defineScripts } from "./queue-scripts.ts";
import { RedisBackplane } from "./redis-backplane.ts";
import { RedisLink } from "./redis-link.ts";
import { RedisTaskDesk } from "./redis-task-desk.ts";

/**
 * How long a node may be silent before its tasks go to others: long against a pause of the process or a restart of Redis, short
 * against the minutes that a task takes.
 */
export const DEFAULT_LEASE_MS = 30_000;
/** Measured in docs/decisions/0022. */
export const DEFAULT_SHARDS = 4;
/** Completed tasks that a routing class keeps, as the single hub keeps of all: enough to look back on, bounded for good. */
export const KEPT_COMPLETED_TASKS = 10_000;

export interface ShardedNodeOptions {
  node: string;
  redisUrl: string;
  namespace: string;
  shards: number;
  leaseMs: number;
  durability: DurabilityLevel;
  seedCompletedRows: number;
  clock: Clock;
  randomHex: RandomHex;
  onFault(error: unknown): void;
  log(line: string): void;
}

export interface ShardedNode {
  backplane: Backplane;
  makeTasks(roster: Roster, view: HubView): Promise<TaskDesk>;
  /** After the desk and the backplane. */
  close(): void;
}

/** The node cannot run on this Redis; the message says what to do. */
export class CannotStart extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CannotStart";
  }
}

/** Throws `CannotStart`. */
export async function openShardedNode(options: ShardedNodeOptions): Promise<ShardedNode> {
  const { clock, leaseMs, log, namespace, node, shards } = options;
  const link = new RedisLink({ url: options.redisUrl, log });
  try {
    await connect(link, options.redisUrl);
    const refusal = durabilityRefusal(options.durability, await readDurability(link.commands));
    if (refusal !== undefined) throw new CannotStart(refusal);
    await agreeOnShards(link, options);
    defineScripts(link.commands);
    const queues = new QueueMap({
      link,
      namespace,
      shards,
      leaseMs,
      stalledCheckMs: stalledCheckMs(leaseMs),
      keepCompleted: KEPT_COMPLETED_TASKS,
    });
    await queues.refresh();
    if (options.seedCompletedRows > 0) {
      await seedCompleted({ link, queues, namespace, count: options.seedCompletedRows, nowMs: clock.nowMs() });
    }
    const backplane = new RedisBackplane({ link, namespace, clock, describe: () => describe(options, link, queues) });
    return {
      backplane,
      async makeTasks(roster, view) {
        const desk = new RedisTaskDesk({ ...options, node, link, queues, roster, endpoints: () => view.endpoints() });
        await desk.open();
        return desk;
      },
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
async function agreeOnShards(link: RedisLink, { namespace, shards }: ShardedNodeOptions): Promise<void> {
  await link.commands.hsetnx(`${namespace}:hub`, "shards", shards);
  const agreed = Number(await link.commands.hget(`${namespace}:hub`, "shards"));
  if (agreed === shards) return;
  throw new CannotStart(
    `namespace ${namespace} has ${agreed} shards, not ${shards}: use --shards ${agreed} or another --namespace`,
  );
}

async function describe({ node, leaseMs, namespace, shards }: ShardedNodeOptions, link: RedisLink, queues: QueueMap) {
  const { how, level, redisVersion } = await link.run(() => readDurability(link.commands));
  return {
    hub: "sharded-redis",
    node,
    // A server that was turned down since the start keeps less than any level; `how` says so.
    durability: { verified: level ?? "process", how: level === undefined ? `not durable at all; ${how}` : how },
    details: {
      redis_version: redisVersion,
      namespace,
      shards,
      routing_classes: queues.size / shards,
      queues: queues.size,
      lease_ms: leaseMs,
      kept_completed_per_class: KEPT_COMPLETED_TASKS,
    },
  };
}
