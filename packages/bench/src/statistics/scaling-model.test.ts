import { expect, test } from "vitest";
import { type Estimate, seededRandom } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { scalingModelOf } from "./scaling-model.ts";

const estimate = (value: number, unit: string): Estimate => ({ value, low: value * 0.95, high: value * 1.05, n: 9, unit });

function hub(id: string, tasksPerSec: number, cpuMs: Record<string, number>): HubResult {
  const nodes = Number(/@(\d+)$/.exec(id)?.[1] ?? 1);
  return {
    id,
    valid: true,
    invalidReasons: [],
    durability: { required: "fsync", verified: "fsync", how: "" },
    machines: { hubNodes: nodes, backboneServers: id.startsWith("sharded") ? 1 : 0 },
    capacity: {
      tasksPerSec: estimate(tasksPerSec, "tasks/s"),
      streamingAgents: null,
      messagesPerSec: null,
      connections: null,
    },
    latency: { assignMsP50: null, assignMsP99: null },
    perTask: Object.fromEntries(
      Object.entries(cpuMs).map(([role, ms]) => [
        role,
        { cpuMs: estimate(ms, "ms"), fsyncs: null, bytesIn: null, bytesOut: null },
      ]),
    ),
    history: { submitted: 1, acknowledged: 1, completed: 1, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 },
    bound: { role: null, utilisation: null, explanation: "" },
    workPerTask: {},
    trials: [],
    describe: null,
  };
}

const model = (hubs: HubResult[], cores: number | null) => scalingModelOf(hubs, cores, seededRandom(1));

test("the utilisation law: what is busy at the capacity, where each role ends, what binds next", () => {
  // 400 tasks/s × 1 ms on 2 × 0.25 core = 80 %; × 0.4 ms on 0.25 core = 64 %, and used up at 625 tasks/s.
  const [found] = model([hub("sharded-redis@2", 400, { hub: 1, redis: 0.4, generator: 9 })], 0.25).bottlenecks;
  expect(found).toMatchObject({ hub: "sharded-redis@2", first: "hub", next: "redis" });
  expect(found?.roles.map(({ role, utilisation }) => [role, utilisation.value])).toEqual([
    ["hub", 0.8],
    ["redis", 0.64],
  ]);
  expect(found?.roles[1]?.ceiling).toMatchObject({ value: 625, unit: "tasks/s" });
  expect(found?.roles[1]?.ceiling.low).toBeCloseTo(625 / 1.05);
});

test("too few sizes give no USL, and the reason", () => {
  const { usl, whyNoUsl } = model([hub("sharded-redis@1", 300, { hub: 1 }), hub("sharded-redis@2", 500, { hub: 1 })], 1);
  expect(usl).toBeNull();
  expect(whyNoUsl).toBe("sharded-redis: not fitted, too few points (2 of at least 6)");
  expect(model([hub("single-tuned", 300, { hub: 1 })], 1).whyNoUsl).toMatch(/no sharded hub/);
});

test("six sizes give a USL for their family, with the error on those left out", () => {
  const sizes = [1, 2, 3, 4, 6, 8];
  const hubs = sizes.map((n) => hub(`sharded-nats@${n}`, (300 * n) / (1 + 0.05 * (n - 1)), { hub: 1, nats: 0.1 }));
  const { usl, whyNoUsl } = model(hubs, 1);
  expect(usl?.["sharded-nats"]?.alpha.value).toBeCloseTo(0.05, 3);
  expect(usl?.["sharded-nats"]?.heldOutErrorPercent.mean).toBeLessThan(0.1);
  expect(whyNoUsl).toBeNull();
});

test("a prediction from another size is held against what was measured there", () => {
  const linear = model(
    [hub("sharded-redis@1", 300, { hub: 1, redis: 0.1 }), hub("sharded-redis@2", 600, { hub: 1, redis: 0.1 })],
    0.5,
  );
  expect(linear.error?.meanPercent).toBeCloseTo(0, 6);
  expect(linear.error?.measuredHalfWidthPercent).toBeCloseTo(5, 6);
  // Two nodes bear 450 instead of the 600 that one node lets expect: −25 %; backwards one bears 300 instead of 225: +33 %.
  const contended = model(
    [hub("sharded-redis@1", 300, { hub: 1, redis: 0.1 }), hub("sharded-redis@2", 450, { hub: 1, redis: 0.1 })],
    0.5,
  );
  expect(contended.error?.heldOut.map(({ hub, errorPercent }) => [hub, Math.round(errorPercent)])).toEqual([
    ["sharded-redis@1", 33],
    ["sharded-redis@2", -25],
  ]);
  expect(model([hub("sharded-redis@1", 300, { hub: 1 })], 0.5).error).toBeNull();
});

test("a prediction does not go beyond what the backbone can do", () => {
  // The server is used up at 0.5 × 1000 / 1 = 500 tasks/s, whatever the nodes would bear.
  const { error } = model(
    [hub("sharded-redis@1", 300, { hub: 1, redis: 1 }), hub("sharded-redis@4", 480, { hub: 1, redis: 1 })],
    0.5,
  );
  expect(error?.heldOut.find(({ hub }) => hub === "sharded-redis@4")?.predicted).toBe(500);
});

test("with three sizes and more, what a task costs may rise with the nodes", () => {
  // Each node adds 0.2 ms to a task's cost on the nodes: 1, 1.2, 1.4, 1.6 ms; nodes are 80 % busy at the capacity.
  const sizes = [1, 2, 3, 4].map((n) => {
    const demandMs = 0.8 + 0.2 * n;
    return hub(`sharded-redis@${n}`, (0.8 * 500 * n) / demandMs, { hub: demandMs, redis: 0.1 });
  });
  const { error } = model(sizes, 0.5);
  // Below the smallest there is no line to go by: the cheapest that was seen.
  const upwards = error?.heldOut.slice(1).map(({ errorPercent }) => Math.abs(errorPercent)) ?? [];
  expect(Math.max(...upwards)).toBeLessThan(1e-6);
  expect(error?.heldOut).toHaveLength(4);
  // The nearest alone would have said 14 % more for four nodes.
  expect(error?.heldOut.at(-1)?.predicted).toBeCloseTo(1_000, 6);
});
