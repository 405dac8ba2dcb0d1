/** The servers of a sharded hub's engine, and how its nodes are told of them. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DEFAULT_SHARDS, removeNatsHub } from "@hubscale/hub-sharded";
import { readUsage } from "../machine/index.ts";
import {
  type ProvisionedServer,
  type ProvisionRequest,
  provisionNatsServers,
  provisionRedisCluster,
  provisionRedisServers,
  type Refusal,
  removeKeys,
} from "../provisioning/index.ts";
import { DataFolderLock } from "./data-folder-lock.ts";
import type { HubSpec } from "./hub-id.ts";
import type { PlacedServers, ProcessReading, ServerOrder } from "./hub-placement.ts";
import type { HubEnvironment } from "./running-hub.ts";

type ShardedSpec = HubSpec & { kind: "sharded" };

export interface BackboneServers {
  servers: ProvisionedServer[];
  /** Flags of each node. */
  flags: string[];
  readUsage(): Promise<ProcessReading[]>;
  /** Removes what this hub left in servers that go on running, ends the others. */
  stop(): Promise<void>;
}

/** A refusal when they cannot be had here, or not in this form. */
export async function backboneServers(
  spec: ShardedSpec,
  env: HubEnvironment,
): Promise<{ ok: true; backbone: BackboneServers } | { ok: false; refusal: Refusal }> {
  const problem = serversRefusal(spec, env);
  if (problem !== undefined) return { ok: false, refusal: problem };
  const locked = env.keptFolder === undefined ? undefined : await DataFolderLock.take(env.keptFolder);
  if (locked?.ok === false) return locked;
  try {
    const started = await serversFor(spec, env, locked?.lock);
    if (!started.ok) await locked?.lock.release();
    return started;
  } catch (error) {
    await locked?.lock.release();
    throw error;
  }
}

async function serversFor(
  spec: ShardedSpec,
  env: HubEnvironment,
  lock: DataFolderLock | undefined,
): Promise<{ ok: true; backbone: BackboneServers } | { ok: false; refusal: Refusal }> {
  const { isRedisCluster = false, replicas = 1, durability, placement } = env;
  const order = { kind: spec.backbone, count: spec.servers, isRedisCluster, durability };
  const request = serverRequest(spec.backbone, env);
  const provisioned = await (placement ? placement.provision(order, request) : provisionServers(order, request));
  if (!provisioned.ok) return provisioned;
  const { servers } = provisioned;
  await lock?.hold(servers.flatMap(({ pid }) => pid ?? []));
  // Several runs may share a server that was named by its URL; what is kept is found again by its name.
  const namespace = env.keptFolder === undefined ? `hubscale-${randomBytes(6).toString("hex")}` : "hubscale";
  const urls = servers.map(({ url }) => url).join(",");
  const monitors = servers.flatMap(({ monitorUrl }) => monitorUrl ?? []).join(",");
  const place =
    spec.backbone === "nats"
      ? ["--nats", urls, "--nats-monitor", monitors, "--replicas", String(replicas)]
      : ["--redis", urls, ...(isRedisCluster ? ["--redis-cluster"] : [])];
  const remove = spec.backbone === "nats" ? removeNatsHub : removeKeys;
  return {
    ok: true,
    backbone: {
      servers,
      readUsage: () => provisioned.readUsage(),
      flags: ["--backbone", spec.backbone, ...place, "--namespace", namespace, ...shardFlags(spec, env)],
      async stop() {
        for (const server of servers) if (server.configText === "") await remove(server.url, namespace);
        await Promise.all(servers.map((server) => server.stop()));
        await lock?.release();
      },
    },
  };
}

/** On this machine. */
export async function provisionServers(
  { kind, count, isRedisCluster }: ServerOrder,
  request: ProvisionRequest,
): Promise<PlacedServers> {
  const provisionRedisOnes = isRedisCluster ? provisionRedisCluster : provisionRedisServers;
  const provisioned = await (kind === "nats" ? provisionNatsServers : provisionRedisOnes)(count, request);
  if (!provisioned.ok) return provisioned;
  const pids = provisioned.servers.flatMap(({ pid }) => pid ?? []);
  return {
    ...provisioned,
    readUsage: async () => readUsage(pids).map((usage) => ({ role: kind, key: usage.pid, usage })),
  };
}

/** Queue shards where nobody has said how many: a server without one would have nothing to do. */
export function shardsFor(servers: number): number {
  return Math.max(DEFAULT_SHARDS, servers);
}

function shardFlags({ servers }: ShardedSpec, { shards = shardsFor(servers) }: HubEnvironment): string[] {
  return shards === DEFAULT_SHARDS ? [] : ["--shards", String(shards)];
}

/** Why such a hub cannot have its servers in this form. */
export function serversRefusal(
  { backbone, servers }: ShardedSpec,
  env: Pick<HubEnvironment, "isRedisCluster" | "keptFolder" | "replicas">,
): Refusal | undefined {
  const { isRedisCluster = false, keptFolder, replicas = 1 } = env;
  const refused = (message: string, nextStep: string): Refusal => ({ code: "not_built", message, nextStep });
  if (backbone === "nats") {
    if (servers === 2) return refused("two NATS servers agree on nothing when one is lost", "use one, or three or more");
    if (replicas > servers) return refused(`${replicas} replicas need as many servers`, `use --backbone-servers ${replicas}`);
    return undefined;
  }
  if (replicas > 1) return refused("replicas are JetStream's; a Redis here has none", "use --backbone nats, or --replicas 1");
  if (!isRedisCluster) return undefined;
  if (servers < 3) return refused("a Redis Cluster has three servers or more", "use --backbone-servers 3");
  if (keptFolder === undefined) return undefined;
  const message = "a Redis Cluster that is started here keeps its data for one run only";
  return refused(message, "leave --data or --redis-cluster away");
}

function serverRequest(kind: string, { care, sources, durability, dir, keptFolder, tell }: HubEnvironment): ProvisionRequest {
  return {
    care,
    sources,
    durability,
    ...(dir !== undefined && { dir }),
    ...(keptFolder !== undefined && { keptFolder: join(keptFolder, kind) }),
    ...(tell && { tell }),
  };
}
