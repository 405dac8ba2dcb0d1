/** Several real nats-servers that share one JetStream. */
import { freePort } from "./free-port.ts";
import { provisionNats } from "./nats-server.ts";
import type { ProvisionRequest } from "./provision-request.ts";
import { allOrNone, type ProvisionedServers } from "./redis-cluster.ts";

/** Agreeing takes two seconds, and ten on a busy machine. */
const AGREED_WITHIN_MS = 20_000;
/** One start in some thirty never becomes a cluster: two servers that begin connections to each other may close one too many. */
const STARTS_MAX = 3;
const LOOK_EVERY_MS = 50;

interface Healthz {
  status?: string;
}

interface Jsz {
  meta_cluster?: { leader?: string; cluster_size?: number };
}

/**
 * One server, or a cluster of that many; all or none. Running ones are named by one URL for all: a cluster tells its clients of its
 * other servers.
 */
export async function provisionNatsServers(count: number, request: ProvisionRequest): Promise<ProvisionedServers> {
  const isNamed = request.sources.origins.includes("url") && request.sources.natsUrl !== undefined;
  if (count === 1 || isNamed) return allOrNone([provisionNats(request)]);
  return untilFormed(async () => {
    const started = await startCluster(count, request);
    if (!started.ok) return started;
    try {
      await formNatsCluster(started.servers.map(({ monitorUrl = "" }) => monitorUrl));
      return started;
    } catch (error) {
      await Promise.all(started.servers.map((server) => server.stop()));
      throw error;
    }
  });
}

/** `start` again when its servers do not become a cluster; it leaves nothing behind then. */
export async function untilFormed<T>(start: () => Promise<T>): Promise<T> {
  for (let starts = 1; ; starts++) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof ClusterNotFormed) || starts === STARTS_MAX) throw error;
    }
  }
}

async function startCluster(count: number, request: ProvisionRequest): Promise<ProvisionedServers> {
  const routes = await Promise.all(Array.from({ length: count }, () => freePort()));
  const { keptFolder } = request;
  return allOrNone(
    routes.map((_, index) =>
      provisionNats({
        ...request,
        extraSettings: natsClusterSettings(index, routes),
        ...(keptFolder !== undefined && { keptFolder: `${keptFolder}-${index + 1}` }),
      }),
    ),
  );
}

/** Nobody listens there. A server of which others must know no way tells them this one; the first, which must have a route, has it. */
const NOWHERE = "127.0.0.1:1";
const THROUGH_PROXIES = `advertise: "${NOWHERE}", no_advertise: true, pool_size: -1`;

/**
 * What the server needs to be one of a cluster, `routes` being the ports on which the servers talk to each other. With `reachedAt`,
 * the ports at which this server reaches those before it, there are no other connections: servers tell neither each other nor their
 * clients of a way around, and only one of two begins. Where both do, over proxies, 2.10 closes one too many or keeps one that it does
 * not use, and may never become a cluster.
 */
export function natsClusterSettings(
  index: number,
  routes: readonly number[],
  reachedAt?: readonly number[],
): [name: string, value: string][] {
  const others = (reachedAt ?? routes.filter((_, other) => other !== index)).map((port) => `"nats://127.0.0.1:${port}"`);
  if (others.length === 0) others.push(`"nats://${NOWHERE}"`);
  const only = reachedAt ? `, ${THROUGH_PROXIES}` : "";
  const { [index]: own, 0: first } = routes;
  return [
    ["server_name:", `hubscale-${index + 1}`],
    ["cluster", `{ name: "hubscale-${first}", listen: "127.0.0.1:${own}", routes: [${others.join(", ")}]${only} }`],
  ];
}

/** The servers run, and have not found each other. */
class ClusterNotFormed extends Error {}

/** Resolves when the servers have found each other and agree on a leader. */
export async function formNatsCluster(monitors: readonly string[]): Promise<void> {
  const limitMs = Date.now() + AGREED_WITHIN_MS;
  for (;;) {
    const agree = await Promise.all(monitors.map((monitor) => isInOrder(monitor, monitors.length)));
    if (agree.every(Boolean)) return;
    if (Date.now() > limitMs) {
      throw new ClusterNotFormed(`the NATS servers did not become a cluster within ${AGREED_WITHIN_MS / 1_000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** What a liveness probe asks. False also: no answer. */
export async function hasJetStream(monitor: string): Promise<boolean> {
  return (await jsonOf<Healthz>(`${monitor}/healthz?js-enabled-only=true`))?.status === "ok";
}

/** Whether the server has a JetStream that is up to date with the others'. */
export async function isCurrent(monitor: string): Promise<boolean> {
  return (await jsonOf<Healthz>(`${monitor}/healthz`))?.status === "ok";
}

async function isInOrder(monitor: string, size: number): Promise<boolean> {
  const [health, jsz] = await Promise.all([
    jsonOf<Healthz>(`${monitor}/healthz?js-enabled-only=true`),
    jsonOf<Jsz>(`${monitor}/jsz`),
  ]);
  const { leader = "", cluster_size: found } = jsz?.meta_cluster ?? {};
  return health?.status === "ok" && leader !== "" && found === size;
}

/** Undefined: it is not up yet. */
async function jsonOf<T>(url: string): Promise<T | undefined> {
  try {
    return (await (await fetch(url)).json()) as T;
  } catch {
    // Asked again by the caller, for a limited time.
    return undefined;
  }
}
