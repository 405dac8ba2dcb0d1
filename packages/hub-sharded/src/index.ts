export { CannotStart } from "./backbone.ts";
export { removeNatsHub } from "./nats/remove-hub.ts";
export {
  type BackboneChoice,
  DEFAULT_LEASE_MS,
  DEFAULT_SHARDS,
  openShardedNode,
  type ShardedNode,
  type ShardedNodeOptions,
} from "./sharded-node.ts";
