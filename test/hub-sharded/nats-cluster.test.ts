/** A JetStream cluster of three with three replicas: what the loss of one server does to a hub at work. */
import { RestartableServer } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { formNatsCluster, freePort, natsClusterSettings, provisionNats, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectClean, ShardedHub, tellRecovery } from "./sharded-hub.ts";

const AGENTS = 12;
const WORK = { agents: AGENTS, ratePerSec: 20, workMs: 200 };

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
