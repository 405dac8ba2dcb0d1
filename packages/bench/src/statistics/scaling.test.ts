import { expect, test } from "vitest";
import { type Estimate, seededRandom } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { refusedHub } from "../compare/entrant.ts";
import { scalingOf } from "./scaling.ts";

const spread = (value: number, share: number, unit: string): Estimate => ({
  value,
  low: value * (1 - share),
  high: value * (1 + share),
  n: 9,
  unit,
});

function hub(id: string, tasksPerSec: number, cpuMs: Record<string, number>, share = 0.05): HubResult {
  const [, nodes = "1", servers = "1"] = /@(\d+)(?:x(\d+))?$/.exec(id) ?? [];
  const empty = refusedHub(id, "", { required: "fsync", verified: "fsync", how: "" });
  return {
    ...empty,
    valid: true,
    machines: { hubNodes: Number(nodes), backboneServers: id.startsWith("sharded") ? Number(servers) : 0 },
    capacity: { ...empty.capacity, tasksPerSec: spread(tasksPerSec, share, "tasks/s") },
    perTask: Object.fromEntries(
      Object.entries(cpuMs).map(([role, ms]) => [
        role,
        { cpuMs: spread(ms, 0.01, "ms"), fsyncs: null, bytesIn: null, bytesOut: null },
      ]),
    ),
  };
}

const scaling = (...hubs: HubResult[]) => scalingOf(hubs, 0.25, seededRandom(1));

test("the speed-up over the smallest size, with an interval wider than either capacity's", () => {
  const [found] = scaling(
    hub("sharded-redis@2", 380, { hub: 1, redis: 0.4 }),
    hub("sharded-redis@1", 200, { hub: 1, redis: 0.4 }),
    hub("single-tuned", 900, { hub: 0.3 }),
  );
  expect(found).toMatchObject({ family: "sharded-redis", over: "sharded-redis@1" });
  const [one, two] = found?.sizes ?? [];
  expect(one?.speedUp).toMatchObject({ value: 1, low: 1, high: 1 });
  expect(two?.speedUp.value).toBeCloseTo(1.9);
  // Two independent ± 5 %: about ± 7 %.
  expect(two?.speedUp.low).toBeCloseTo(1.9 * 0.93, 1);
  expect(two?.speedUp.high).toBeCloseTo(1.9 * 1.07, 1);
  expect(two?.busiest).toEqual({ role: "hub", utilisation: 0.76 });
});

test("beyond the largest size the nodes add up until the backbone is used up", () => {
  const [found] = scaling(
    hub("sharded-redis@1", 200, { hub: 1, redis: 0.25 }, 0),
    hub("sharded-redis@2", 400, { hub: 1, redis: 0.25 }, 0),
  );
  // 0.25 core of Redis at 0.25 ms a task ends at 1,000 tasks/s; a node bears 200.
  expect(found?.beyond.map(({ nodes, saturates }) => [nodes, saturates])).toEqual([
    [3, "hub"],
    [4, "hub"],
    [8, "redis"],
  ]);
  expect(found?.beyond[1]?.tasksPerSec.value).toBeCloseTo(800);
  expect(found?.beyond[2]?.tasksPerSec.value).toBeCloseTo(1_000);
  expect(found?.beyond[2]?.hub).toBe("sharded-redis@8");
});

test("hubs over two servers are a family of their own, and one size is no scaling", () => {
  const found = scaling(
    hub("sharded-redis@1x2", 200, { hub: 1, redis: 0.25 }),
    hub("sharded-redis@4x2", 700, { hub: 1, redis: 0.25 }),
    hub("sharded-redis@4", 600, { hub: 1, redis: 0.25 }),
  );
  expect(found.map(({ family }) => family)).toEqual(["sharded-redis@Nx2"]);
  expect(found[0]?.beyond.at(-1)?.hub).toBe("sharded-redis@16x2");
});
