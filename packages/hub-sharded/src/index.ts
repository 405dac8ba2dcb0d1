export * from "./backbone.ts";
export { FIRST_RANK, rankOf } from "./backlog.ts";
export {
  DURABILITY_SETTINGS as REDIS_DURABILITY_SETTINGS,
  durabilityOf as redisDurabilityOf,
} from "./redis/durability.ts";
export { whyNotOpen as whyNoRedis } from "./redis/redis-diagnosis.ts";
export { removeNatsHub } from "./nats/remove-hub.ts";
export {
  type BackboneChoice,
  DEFAULT_LEASE_MS,
  DEFAULT_SHARDS,
  openShardedNode,
  type ShardedNode,
  type ShardedNodeOptions,
} from "./sharded-node.ts";
export { ShardedTaskDesk, type ShardedTaskDeskOptions } from "./sharded-task-desk.ts";
export { placeOf } from "./task-id.ts";
