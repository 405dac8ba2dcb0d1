/** Several real nats-servers that share one JetStream. */
import { freePort } from "./free-port.ts";
import { provisionNats } from "./nats-server.ts";
import type { ProvisionRequest } from "./provision-request.ts";
import { allOrNone, type ProvisionedServers } from "./redis-cluster.ts";

const AGREED_WITHIN_MS = 30_000;
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
  const routes = await Promise.all(Array.from({ length: count }, () => freePort()));
  const { keptFolder } = request;
  const started = await allOrNone(
    routes.map((_, index) =>
      provisionNats({
        ...request,
        extraSettings: natsClusterSettings(index, routes),
        ...(keptFolder !== undefined && { keptFolder: `${keptFolder}-${index + 1}` }),
      }),
    ),
  );
  if (!started.ok) return started;
  try {
    await formNatsCluster(started.servers.map(({ monitorUrl = "" }) => monitorUrl));
    return started;
  } catch (error) {
    await Promise.all(started.servers.map((server) => server.stop()));
    throw error;
  }
}

/** What the server needs to be one of a cluster, `routes` being the ports on which the servers talk to each other. */
export function natsClusterSettings(index: number, routes: readonly number[]): [name: string, value: string][] {
  const others = routes.filter((_, other) => other !== index).map((port) => `"nats://127.0.0.1:${port}"`);
  return [
    ["server_name:", `hubscale-${index + 1}`],
    ["cluster", `{ name: "hubscale-${routes[0]}", listen: "127.0.0.1:${routes[index]}", routes: [${others.join(", ")}] }`],
  ];
}

/** Resolves when the servers have found each other and agree on a leader. */
export async function formNatsCluster(monitors: readonly string[]): Promise<void> {
  const limitMs = Date.now() + AGREED_WITHIN_MS;
  for (;;) {
    const agree = await Promise.all(monitors.map((monitor) => isInOrder(monitor, monitors.length)));
    if (agree.every(Boolean)) return;
    if (Date.now() > limitMs) throw new Error(`the NATS servers did not become a cluster within ${AGREED_WITHIN_MS / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
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
