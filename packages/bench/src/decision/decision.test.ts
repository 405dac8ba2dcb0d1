import { expect, test } from "vitest";
import type { HubResult } from "../results/compare-result.ts";
import { decide } from "./decision.ts";

function hub(id: string, capacity: [number, number, number] | null, cpuMs: Record<string, number> = {}): HubResult {
  const [, nodeCount = "1", servers = "1"] = /@(\d+)(?:x(\d+))?$/.exec(id) ?? [];
  const nodes = Number(nodeCount);
  const estimate = (value: number, low = value, high = value) => ({ value, low, high, n: 6, unit: "tasks/s" });
  return {
    id,
    valid: capacity !== null,
    invalidReasons: [],
    durability: { required: "fsync", verified: "fsync", how: "" },
    machines: { hubNodes: nodes, backboneServers: id.startsWith("sharded") ? Number(servers) : 0 },
    capacity: {
      tasksPerSec: capacity && estimate(...capacity),
      streamingAgents: null,
      messagesPerSec: null,
      connections: null,
    },
    latency: { assignMsP50: null, assignMsP99: null },
    perTask: Object.fromEntries(
      Object.entries(cpuMs).map(([role, value]) => [
        role,
        { cpuMs: estimate(value), fsyncs: null, bytesIn: null, bytesOut: null },
      ]),
    ),
    history: { submitted: 1, acknowledged: 1, completed: 1, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
    bound: { role: null, utilisation: null, explanation: "" },
    workPerTask: {},
    trials: [],
    describe: null,
  };
}

test("a slow reference is to be fixed first", () => {
  const decision = decide([hub("single-reference", [40, 35, 45]), hub("single-tuned", [800, 700, 900])], 0.25);
  expect(decision.verdict).toMatch(/^Fix the single hub first: single-tuned gives ×20 \[16, 26\]/);
});

test("it says which work makes the reference slow, and leaves out what is alike", () => {
  const work = (rowsRead: number, fsyncs: number) => ({
    rowsRead: { value: rowsRead, low: rowsRead * 0.9, high: rowsRead * 1.1, n: 5, unit: "" },
    fsyncs: { value: fsyncs, low: fsyncs * 0.9, high: fsyncs * 1.1, n: 5, unit: "" },
  });
  const { because } = decide(
    [
      { ...hub("single-reference", [40, 35, 45]), workPerTask: work(3200, 3) },
      { ...hub("single-tuned", [800, 700, 900]), workPerTask: work(0, 3.1) },
    ],
    1,
  );
  expect(because.join("\n")).toMatch(/3,200 task rows read and decoded \(C2, C3, C8\) \(0\)/);
  expect(because.join("\n")).not.toMatch(/synced writes/);
});

test("overlapping intervals are no reason to change anything", () => {
  const decision = decide([hub("single-reference", [700, 500, 900]), hub("single-tuned", [800, 600, 1000])], 0.25);
  expect(decision.verdict).toMatch(/^Leave the hub as it is/);
});

test("COST is the smallest measured number of nodes that clearly wins", () => {
  const decision = decide(
    [hub("single-tuned", [800, 750, 850]), hub("sharded-redis@2", [820, 700, 900]), hub("sharded-redis@4", [1600, 1500, 1700])],
    0.25,
  );
  expect(decision.cost).toMatchObject({ nodes: 4, of: "sharded-redis", projected: false });
  expect(decision.verdict).toBe("Distributing pays from 4 nodes on (sharded-redis).");
});

test("COST beyond the tested range is projected from CPU per task and says so", () => {
  const decision = decide(
    [hub("single-tuned", [800, 750, 850], { hub: 0.3 }), hub("sharded-redis@2", [600, 550, 650], { hub: 0.9, redis: 0.1 })],
    0.25,
  );
  // Single: 800 × 0.3 ms = 240 of 250 ms busy, 96 %. Nodes: 800 × 0.9 / 240 = 3.0, so the fourth is the first to win.
  expect(decision.cost).toMatchObject({ nodes: 4, projected: true });
});

test("a projection never falls into the range that was measured", () => {
  const decision = decide(
    [hub("single-tuned", [800, 600, 1000], { hub: 0.3 }), hub("sharded-redis@2", [800, 600, 1000], { hub: 0.3, redis: 0.1 })],
    0.25,
  );
  expect(decision.cost).toMatchObject({ nodes: 3, projected: true });
});

test("a backbone that saturates first means never", () => {
  const decision = decide(
    [hub("single-tuned", [800, 750, 850], { hub: 0.3 }), hub("sharded-redis@2", [600, 550, 650], { hub: 0.9, redis: 0.4 })],
    0.25,
  );
  expect(decision.cost).toMatchObject({ nodes: null, projected: true });
  expect(decision.cost.explanation).toMatch(/never with one backbone server/);
});

test("without all measured hubs there is no verdict, and what is left is still told", () => {
  const spoilt = { ...hub("single-tuned", [800, 700, 900]), valid: false, trials: [{} as HubResult["trials"][number]] };
  const decision = decide([hub("single-reference", [40, 35, 45]), spoilt, hub("sharded-redis@2", [900, 850, 950])], null);
  expect(decision.verdict).toMatch(/^No verdict: single-tuned could not be measured validly/);
  expect(decision.cost.nodes).toBe(2);
});

test("a hub that was refused before measuring does not spoil the verdict of the others", () => {
  const refused = { ...hub("sharded-redis@2", null), valid: false };
  const decision = decide([hub("single-reference", [40, 35, 45]), hub("single-tuned", [800, 700, 900]), refused], null);
  expect(decision.verdict).toMatch(/^Fix the single hub first/);
});

test("another backbone server is a margin of its own, beside the nodes'", () => {
  const { marginal } = decide(
    [
      hub("single-tuned", [800, 750, 850]),
      hub("sharded-redis@2", [500, 450, 550]),
      hub("sharded-redis@4", [600, 550, 650]),
      hub("sharded-redis@4x2", [900, 800, 1000]),
    ],
    0.25,
  );
  expect(marginal.join("\n")).toContain("+1 backbone server (sharded-redis@4 → sharded-redis@4x2): ×1.5 capacity");
  expect(marginal.filter((line) => line.includes("hub node"))).toHaveLength(1);
});
