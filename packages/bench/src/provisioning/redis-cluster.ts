/** Several real redis-servers that share the slots of one Redis Cluster, masters only. */
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import type { ProvisionRequest } from "./provision-request.ts";
import type { Provisioned, ProvisionedServer } from "./provisioned.ts";
import { provisionRedis } from "./redis-server.ts";

export type ProvisionedServers = { ok: true; servers: ProvisionedServer[] } | Extract<Provisioned, { ok: false }>;

const SLOTS = 16_384;
/** A server of a cluster talks to the others on its port plus 10,000. */
export const CLUSTER_PORT_MAX = 65_535 - 10_000;
const AGREED_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

/**
 * What each server needs to be one of a cluster. The slots of a lost server are refused and the others served: a hub whose shards
 * are spread over the servers goes on with those that are left.
 */
export const CLUSTER_SETTINGS = [
  ["cluster-enabled", "yes"],
  ["cluster-require-full-coverage", "no"],
  ["cluster-node-timeout", "2000"],
] as const;

/** Separate servers, all or none. Running ones are named by their URLs, separated by commas. */
export async function provisionRedisServers(count: number, request: ProvisionRequest): Promise<ProvisionedServers> {
  const { keptFolder, sources } = request;
  const named = sources.origins.includes("url") ? sources.redisUrl?.split(",").map((url) => url.trim()) : undefined;
  if (named && named.length < count) {
    const message = `HUBSCALE_REDIS_URL names ${named.length} Redis, and ${count} are wanted`;
    return { ok: false, refusal: { code: "no_server", message, nextStep: "name as many, separated by commas, or none" } };
  }
  const own = (index: number): Partial<ProvisionRequest> => ({
    ...(named && { sources: { ...sources, redisUrl: named[index] } }),
    ...(keptFolder !== undefined && count > 1 && { keptFolder: `${keptFolder}-${index + 1}` }),
  });
  return allOrNone(Array.from({ length: count }, (_, index) => provisionRedis({ ...request, ...own(index) })));
}

/** A new cluster of that many masters; at least three, as Redis wants it. */
export async function provisionRedisCluster(count: number, request: ProvisionRequest): Promise<ProvisionedServers> {
  const started = await allOrNone(
    Array.from({ length: count }, async () =>
      provisionRedis({ ...request, port: await freePort(CLUSTER_PORT_MAX), extraSettings: CLUSTER_SETTINGS }),
    ),
  );
  if (!started.ok) return started;
  try {
    await formCluster(started.servers.map(({ url }) => url));
    return started;
  } catch (error) {
    await Promise.all(started.servers.map((server) => server.stop()));
    throw error;
  }
}

/** Deals the slots to the servers and makes them known to each other. Resolves when all say that the cluster is in order. */
export async function formCluster(urls: readonly string[]): Promise<void> {
  const clients = urls.map((url) => new Redis(url));
  try {
    const [first] = urls.map((url) => new URL(url)) as [URL];
    for (const [index, client] of clients.entries()) {
      const from = Math.floor((SLOTS * index) / urls.length);
      const to = Math.floor((SLOTS * (index + 1)) / urls.length);
      await client.cluster("ADDSLOTS", ...Array.from({ length: to - from }, (_, slot) => from + slot));
      await client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    }
    for (const client of clients.slice(1)) await client.cluster("MEET", first.hostname, Number(first.port));
    const limitMs = Date.now() + AGREED_WITHIN_MS;
    for (;;) {
      const infos = await Promise.all(clients.map((client) => client.cluster("INFO")));
      const agree = infos.every(
        (info) =>
          info.includes("cluster_state:ok") &&
          info.includes(`cluster_known_nodes:${urls.length}`) &&
          info.includes(`cluster_slots_ok:${SLOTS}`),
      );
      if (agree) return;
      if (Date.now() > limitMs) throw new Error(`the Redis servers did not become a cluster: ${infos[0]}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}

/** Of servers that are started together, all or none. */
export async function allOrNone(starting: readonly Promise<Provisioned>[]): Promise<ProvisionedServers> {
  const outcomes = await Promise.allSettled(starting);
  const servers = outcomes.flatMap((each) => (each.status === "fulfilled" && each.value.ok ? [each.value.server] : []));
  if (servers.length === starting.length) return { ok: true, servers };
  await Promise.all(servers.map((server) => server.stop()));
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") throw outcome.reason;
    if (!outcome.value.ok) return outcome.value;
  }
  throw new Error("unreachable: some server is missing and none was refused");
}
