/** What faults of nodes and of the network between one of them and their engine do to a hub at work. Prints the time to recover from each. */
import { FaultProxy, PausedProcesses, RestartableServer } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { provisionNats, provisionRedis, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LEASE_MS, recoveredClean, WORK } from "./backbone-faults.ts";
import { expectClean, ShardedHub, tellRecovery } from "./sharded-hub.ts";

describe.each(["redis", "nats"] as const)("over %s,", (engine) => {
  let care: ProcessCare;
  let server: RestartableServer;
  /** Between the server and the node n1. */
  let wire: FaultProxy;
  let hub: ShardedHub;

  beforeAll(async () => {
    care = new ProcessCare({ handleSignals: false });
    const sources = serverSourcesOf(process.env);
    const provision = engine === "redis" ? provisionRedis : provisionNats;
    server = await RestartableServer.start(care, (place) => provision({ care, sources, durability: "fsync", ...place }));
    wire = await FaultProxy.listen({ host: "127.0.0.1", port: server.port });
    hub = await ShardedHub.start({
      care,
      nodes: 3,
      flags: ["--backbone", engine, "--lease-ms", String(LEASE_MS)],
      flagsOf: (name) => [
        `--${engine}`,
        name === "n1" ? `${engine}://127.0.0.1:${wire.port}` : server.url,
        ...(engine === "nats" ? ["--nats-monitor", server.monitorUrl] : []),
      ],
    });
  });

  afterAll(async () => {
    await hub?.stop();
    await wire?.close();
    await care.close();
  });

  it("a node that sleeps past its lease can neither complete nor assign what others have by now", async () => {
    const work = await hub.work(WORK);
    const { process: node } = hub.node("n2");
    const asleep = PausedProcesses.of([node.pid]);
    const sleepMs = work.nowMs();
    await work.generator.until(sleepMs + 3 * LEASE_MS);
    asleep.resume();
    const end = await recoveredClean("a node asleep for three leases", work, work.nowMs());
    // What its agents had finished in the meantime had gone to others.
    expect(end.history.refusals + end.aborted).toBeGreaterThan(0);
    expect(end.complaints).toEqual({});
  });

  it("a partition between one node and the server, longer than the lease, and its end", async () => {
    const work = await hub.work(WORK);
    wire.partition();
    await work.generator.until(work.nowMs() + 3 * LEASE_MS);
    await work.until("submissions to be postponed", () => work.postponed > 0);
    wire.heal();
    const end = await recoveredClean(`one node cut off from ${engine} for three leases`, work, work.nowMs());
    expect(end.complaints).toEqual({});
    expect(end.disconnected).toBe(0);
  });

  it("a node is killed outright and started again", async () => {
    const work = await hub.work(WORK);
    const { process: node } = hub.node("n3");
    node.signal("SIGKILL");
    await node.ended;
    const sinceMs = work.nowMs();
    const recovery = await work.recovered(sinceMs);
    await hub.startNode("n3");
    await work.until("all agents connected", () => work.generator.fleet.online === WORK.agents, 60_000);
    const end = await work.stop();
    tellRecovery("kill -9 of a node", recovery, end);
    expectClean(end);
    // Its agents came back on another node, with what they had in hand.
    expect(end.continued + end.aborted).toBeGreaterThan(0);
  });

  it("all agents are cut off at once and come back at once", async () => {
    const work = await hub.work(WORK);
    hub.door.cutAll();
    const end = await recoveredClean("all agents cut off at once", work, work.nowMs());
    expect(end.disconnected).toBeGreaterThanOrEqual(WORK.agents);
    // Their node lived, and so had given their tasks to others at once, as the contract has it; a few may have been quicker.
    expect(end.continued + end.aborted).toBeGreaterThan(0);
  });
});
