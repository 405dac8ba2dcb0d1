/** The backbone as several Redis servers, or a cluster of them: where things lie, and what the loss of one server does. */
import { RestartableServer } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { CLUSTER_SETTINGS, formCluster, provisionRedis, serverSourcesOf } from "hubscale/provisioning";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectClean, ShardedHub, tellRecovery } from "./sharded-hub.ts";

const AGENTS = 16;
const WORK = { agents: AGENTS, ratePerSec: 50, workMs: 150 };

describe.each([
  ["two Redis servers", "separate", 2, ["home", "other"]],
  ["a Redis Cluster of three", "cluster", 3, ["other"]],
] as const)("%s", (name, kind, count, lost) => {
  let care: ProcessCare;
  let servers: RestartableServer[];
  let hub: ShardedHub;

  beforeAll(async () => {
    care = new ProcessCare({ handleSignals: false });
    const request = { care, sources: serverSourcesOf(process.env), durability: "fsync" } as const;
    const extra = kind === "cluster" ? { extraSettings: CLUSTER_SETTINGS } : {};
    const start = () => RestartableServer.start(care, (place) => provisionRedis({ ...request, ...extra, ...place }));
    servers = await Promise.all(Array.from({ length: count }, start));
    const urls = servers.map(({ url }) => url);
    if (kind === "cluster") await formCluster(urls);
    const flags = ["--redis", urls.join(","), ...(kind === "cluster" ? ["--redis-cluster"] : []), "--shards", "6"];
    hub = await ShardedHub.start({ care, nodes: 2, flags: [...flags, "--lease-ms", "2000"] });
  });

  afterAll(async () => {
    await hub?.stop();
    await care.close();
  });

  it("holds tasks on every server, and says so", async () => {
    const work = await hub.work(WORK);
    expectClean(await work.stop());
    const sizes = await Promise.all(servers.map(({ url }) => sizeOf(url)));
    expect(sizes.filter((size) => size < 10)).toEqual([]);
    const { body } = await hub.node("n1").call("GET", "/api/describe");
    expect(body).toMatchObject({
      durability: { verified: "fsync" },
      details: { shards: 6, redis_servers: count, redis_cluster: kind === "cluster" },
    });
  });

  it.each(lost)(
    "goes on with the shards that are left when a server is lost (%s), and with all when it is back",
    async (which) => {
      const server = servers[which === "home" ? 0 : 1] as RestartableServer;
      const work = await hub.work(WORK);
      await server.kill();
      const before = work.acknowledged;
      const doneBefore = work.completed;
      // On the servers that are left, while this one is away.
      await work.until("new submissions acknowledged", () => work.acknowledged > before + 60);
      await work.until("tasks completed", () => work.completed > doneBefore + 30);
      await server.restart();
      const recovery = await work.recovered(work.nowMs());
      const end = await work.stop();
      tellRecovery(`${name}, one lost (${which}) and back`, recovery, end);
      expectClean(end);
      expect(end.disconnected).toBe(0);
    },
  );
});

async function sizeOf(url: string): Promise<number> {
  const client = new Redis(url);
  try {
    return await client.dbsize();
  } finally {
    client.disconnect();
  }
}
