/** One node of the sharded hub: its backbone and its desk. Keeps nothing that it would miss when killed. */
import type { Backplane, Clock, DurabilityLevel, HubView, RandomHex, Roster, TaskDesk } from "@hubscale/hub-runtime";
import type { Backbone } from "./backbone.ts";
import { seedCompleted } from "./completed-seed.ts";
import { openNatsBackbone } from "./nats/nats-backbone.ts";
import { openRedisBackbone } from "./redis/redis-backbone.ts";
import { ShardedTaskDesk } from "./sharded-task-desk.ts";

/**
 * How long a node may be silent before its tasks go to others: long against a pause of the process or a restart of the engine,
 * short against the minutes that a task takes.
 */
export const DEFAULT_LEASE_MS = 30_000;
/** Measured in docs/decisions/0022. */
export const DEFAULT_SHARDS = 4;
/** Completed tasks that the hub keeps, as many as the single hub: enough to look back on, bounded for good. */
export const KEPT_COMPLETED_TASKS = 10_000;

/** The engine, and where its servers are. */
export type BackboneChoice =
  /** One server, several, or (`isRedisCluster`) servers of one cluster. */
  | { engine: "redis"; redisUrls: readonly string[]; isRedisCluster: boolean }
  /** One server or those of one cluster, their monitoring ports (`http://host:8222`), and how many of them keep each stream. */
  | { engine: "nats"; natsUrls: readonly string[]; natsMonitors: readonly string[]; replicas: number };

export interface ShardedNodeOptions {
  node: string;
  backbone: BackboneChoice;
  namespace: string;
  shards: number;
  leaseMs: number;
  durability: DurabilityLevel;
  /** The newest completed tasks that are kept. */
  keepCompleted: number;
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

/** Throws `CannotStart`. */
export async function openShardedNode(options: ShardedNodeOptions): Promise<ShardedNode> {
  const { clock, seedCompletedRows: count } = options;
  const backbone = await openBackbone(options);
  try {
    if (count > 0) await seedCompleted({ backbone, count, nowMs: clock.nowMs() });
  } catch (error) {
    backbone.close();
    throw error;
  }
  return {
    backplane: backbone.backplane,
    async makeTasks(roster, view) {
      const desk = new ShardedTaskDesk({ ...options, backbone, roster, endpoints: () => view.endpoints() });
      await desk.open();
      return desk;
    },
    close: () => backbone.close(),
  };
}

function openBackbone({ backbone, ...shared }: ShardedNodeOptions): Promise<Backbone> {
  switch (backbone.engine) {
    case "redis":
      return openRedisBackbone({ ...shared, ...backbone });
    case "nats":
      return openNatsBackbone({ ...shared, ...backbone });
  }
}
