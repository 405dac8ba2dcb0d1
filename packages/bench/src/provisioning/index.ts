export { durabilityRefusal, type Provisioned, type ProvisionedServer, type Refusal, satisfies } from "./provisioned.ts";
export type { ProvisionRequest } from "./provision-request.ts";
export { freePort } from "./free-port.ts";
export { programFromDebian } from "./debian-packages.ts";
export { findProgram } from "./program-search.ts";
export type { ServerProgram } from "./server-program.ts";
export { NATS_USER, provisionNats } from "./nats-server.ts";
export {
  formNatsCluster,
  hasJetStream,
  isCurrent,
  natsClusterSettings,
  provisionNatsServers,
  untilFormed,
} from "./nats-cluster.ts";
export { provisionRedis, removeKeys } from "./redis-server.ts";
export {
  CLUSTER_SETTINGS,
  formCluster,
  provisionRedisCluster,
  provisionRedisServers,
  type ProvisionedServers,
} from "./redis-cluster.ts";
export * from "./server-sources.ts";
export { type ErlangRequest, findErlang, type FoundErlang, scriptArguments } from "./erlang-runtime.ts";
