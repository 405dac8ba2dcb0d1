export * from "./backbone.ts";
export { FIRST_RANK, rankOf } from "./backlog.ts";
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
