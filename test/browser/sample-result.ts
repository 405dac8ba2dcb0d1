/** A result to be drawn: the figures stand for nothing. */
import { DEFAULT_PRICES, DEFAULT_PROFILE, decideFleet, type FleetInput, type HubMeasure } from "@hubscale/fleet-model";
import type { CompareResult, HubResult } from "hubscale";

const figure = (value: number, unit = "tasks/s") => ({ value, low: 0.9 * value, high: 1.1 * value, n: 6, unit });

function hubResult(id: string, tasksPerSec: number, hubNodes = 1): HubResult {
  const cost = { cpuMs: figure(400 / tasksPerSec, "ms"), fsyncs: figure(2, ""), bytesIn: null, bytesOut: null };
  return {
    id,
    valid: true,
    invalidReasons: [],
    durability: { required: "fsync", verified: "fsync", how: "read back" },
    machines: { hubNodes, backboneServers: id.startsWith("sharded") ? 1 : 0 },
    capacity: { tasksPerSec: figure(tasksPerSec), streamingAgents: null, messagesPerSec: null, connections: null },
    latency: { assignMsP50: figure(10, "ms"), assignMsP99: figure(80, "ms") },
    perTask: { hub: cost },
    history: { submitted: 100, acknowledged: 100, completed: 100, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
    bound: { role: "hub", utilisation: 0.9, explanation: "hub CPU 90 %" },
    workPerTask: {},
    trials: [],
    describe: null,
  };
}

function hubMeasure({ id, machines, capacity, perTask }: HubResult): HubMeasure {
  return {
    id,
    kind: id.startsWith("single") ? "single" : "sharded",
    nodes: machines.hubNodes,
    backboneServers: machines.backboneServers,
    coresPerMachine: 0.5,
    capacityTasksPerSec: capacity.tasksPerSec ?? figure(1),
    cpuMsPerTask: { hub: perTask.hub?.cpuMs ?? figure(1, "ms") },
    assignMsP50: null,
    fsyncsPerTask: figure(11, ""),
    syncsInTurn: id === "single-reference",
    fsyncMs: 0.25,
    rowsReadPerTask: null,
    completedRows: 1_000,
    framesPerSec: null,
    connections: null,
    availability: null,
  };
}

const HUBS = [
  hubResult("single-reference", 4),
  hubResult("single-tuned", 900),
  hubResult("sharded-redis@1", 600),
  hubResult("sharded-redis@2", 1_100, 2),
  // A name that would end the page, were it not written as text.
  { ...hubResult("sharded-redis@4", 1_900, 4), invalidReasons: ["</script><img src=x onerror=alert(1)>"] },
];

const FLEET: FleetInput = {
  fleet: {
    name: "office",
    sites: [{ name: "office", hub: "local", meshPath: "mesh-v4", upMbitPerSec: 40, delayMs: 6 }],
    hosts: [
      {
        name: "box",
        site: "office",
        count: 1,
        cores: 16,
        ramGb: 64,
        agents: 4,
        gpu: { type: "rtx3090", cards: 1, numParallel: 1, model: "qwen2.5-coder:7b", contextTokens: 16_384 },
      },
      { name: "plain", site: "office", count: 4, cores: 8, ramGb: 32, agents: 6, gpu: null },
    ],
    api: { tier: "tier-2", model: "claude-sonnet-5" },
  },
  work: DEFAULT_PROFILE,
  hub: { source: "recorded", from: "a sample", hubs: HUBS.map(hubMeasure), fixes: [] },
  hubId: "single-reference",
  hubCores: 1,
  fsyncMs: null,
  completedRows: 1_000,
  slo: { tasksPerHour: null, maxSlowdown: 2, growthPerMonth: 0.1 },
  prices: DEFAULT_PRICES,
  uncertainty: { draws: 20, seed: 1 },
};

export const SAMPLE: CompareResult = {
  schema: "hubscale.compare/1",
  startedAt: "2026-11-25T00:00:00.000Z",
  wallSeconds: 1,
  seed: 1,
  effort: "sample",
  workload: { name: "steady", agents: 50, completedRows: 1_000, work: "0", streaming: false },
  slo: "assign.p99 < 100 ms",
  appliedBoundMs: 200,
  isolation: { kind: "none", how: "a sample", coresPerMachine: 0.5 },
  environment: {},
  hubs: HUBS,
  order: [],
  decision: {
    verdict: "Fix the single hub first",
    because: ["it is a sample"],
    flipsWhen: [],
    cost: { nodes: 2, of: "sharded-redis", projected: false, explanation: "2 nodes" },
    marginal: [],
  },
  fleet: { workload: "sample", input: FLEET, decision: decideFleet(FLEET) },
  notMeasured: [],
};
