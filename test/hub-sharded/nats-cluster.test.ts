/** A JetStream cluster of three with three replicas: what the loss of one server does to a hub at work. */
import { RestartableServer } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { formNatsCluster, freePort, natsClusterSettings, provisionNats, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { NodeProcess } from "./node-process.ts";
import { expectClean, ShardedHub, tellRecovery } from "./sharded-hub.ts";

const AGENTS = 12;
const WORK = { agents: AGENTS, ratePerSec: 20, workMs: 200 };

/** A leader is found within this, or the servers' own time-outs have changed. */
const ELECTED_WITHIN_MS = 15_000;
/** For as long somebody looks at the hub while one server is dead. */
const READS = 10;
const LANES_MADE_AFTER = 12;

let care: ProcessCare;
let servers: RestartableServer[];
let hub: ShardedHub;

beforeAll(async () => {
  care = new ProcessCare({ handleSignals: false });
  const routes = await Promise.all([freePort(), freePort(), freePort()]);
  const request = { care, sources: serverSourcesOf(process.env), durability: "fsync" } as const;
  servers = await Promise.all(
    routes.map((_, index) =>
      RestartableServer.start(care, (place) =>
        provisionNats({ ...request, ...place, extraSettings: natsClusterSettings(index, routes) }),
      ),
    ),
  );
  await formNatsCluster(servers.map(({ monitorUrl }) => monitorUrl));
  const urls = servers.map(({ url }) => url).join(",");
  const monitors = servers.map(({ monitorUrl }) => monitorUrl).join(",");
  const flags = ["--backbone", "nats", "--nats", urls, "--nats-monitor", monitors, "--replicas", "3", "--shards", "2"];
  hub = await ShardedHub.start({ care, nodes: 2, flags: [...flags, "--lease-ms", "4000"] });
});

afterAll(async () => {
  await hub?.stop();
  await care.close();
});

it("the loss of one server of three: a new leader is found, nothing acknowledged is lost, nothing done twice", async () => {
  const work = await hub.work(WORK);
  const killedMs = work.nowMs();
  await servers[0]?.kill();
  const recovery = await work.recovered(killedMs);
  await servers[0]?.restart();
  const end = await work.stop();
  tellRecovery("kill -9 of one NATS of three", recovery, end);
  expectClean(end);
  expect(end.disconnected).toBe(0);
});

it("one server of three stays dead: whatever is read, submissions are taken, and a node starts", async () => {
  const node = hub.node("n1");
  const token = await node.register("reader");
  // The lanes of the class are there, in both shards: one that is made now may be led by the dead server until an election.
  for (let count = 0; count < LANES_MADE_AFTER; count++) await submitted(node, token);
  await servers[0]?.kill();
  await expect.poll(leadersAt0, { timeout: ELECTED_WITHIN_MS, interval: 200 }).toEqual([]);
  const seen = new Set<number>();
  for (let reads = 0; reads < READS; reads++) {
    const stats = node.call("GET", "/api/tasks/stats", { token });
    for (let isRead = false; !isRead; ) {
      seen.add(await submitted(node, token));
      isRead = await Promise.race([
        stats.then(() => true),
        new Promise<false>((resolve) => setTimeout(() => resolve(false), 50)),
      ]);
    }
    expect((await stats).status, node.process.logTail()).toBe(200);
  }
  expect([...seen]).toEqual([201]);
  const late = await hub.startNode("n3");
  const { body } = await late.call("GET", "/api/describe");
  expect(body).toMatchObject({ durability: { verified: "fsync", how: expect.stringContaining("does not answer") } });
});

interface Led {
  name: string;
  cluster?: { leader?: string };
  consumer_detail?: Led[];
}

/** What is led by the first server, or by none, as the second one knows. */
async function leadersAt0(): Promise<string[]> {
  const answer = await fetch(`${servers[1]?.monitorUrl}/jsz?streams=true&consumers=true`);
  const jsz = (await answer.json()) as { meta_cluster: { leader?: string }; account_details: { stream_detail: Led[] }[] };
  const streams = jsz.account_details.flatMap(({ stream_detail: details }) => details);
  const all = [
    { name: "meta", cluster: jsz.meta_cluster },
    ...streams,
    ...streams.flatMap((stream) => stream.consumer_detail ?? []),
  ];
  return all.filter(({ cluster }) => ["", "hubscale-1"].includes(cluster?.leader ?? "")).map(({ name }) => name);
}

async function submitted(node: NodeProcess, token: string): Promise<number> {
  return (await node.call("POST", "/api/tasks", { token, body: { description: "a task" } })).status;
}
