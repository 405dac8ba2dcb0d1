export { CannotStart } from "./backbone.ts";
export {
  DEFAULT_LEASE_MS,
  DEFAULT_SHARDS,
  openShardedNode,
  type ShardedNode,
  type ShardedNodeOptions,
} from "./sharded-node.ts";
