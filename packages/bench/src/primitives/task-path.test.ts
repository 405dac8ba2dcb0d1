import { expect, test } from "vitest";
import { seededRandom } from "../measure/estimate.ts";
import { commitCost, compared, pathOf, type PrimitiveCosts, sumOf } from "./task-path.ts";

const COSTS: PrimitiveCosts = {
  postFastify: 50,
  postHttp: 30,
  acceptedIn: 10,
  completeIn: 12,
  assignOut: 14,
  ackOut: 8,
  parseRow: 4,
  stringifyRow: 3,
  // A batch of g rows costs 80 + 5 g.
  commit1: 85,
  commit8: 15,
  commit64: 6.25,
  sha256: 1,
};

test("the cost of a batch is taken apart into batch and row", () => {
  expect(commitCost(COSTS)).toEqual({ perBatch: expect.closeTo(80, 9), perRow: expect.closeTo(5, 9) });
});

test("the sum counts each primitive as often as a task needs it, and rows at the hub's own commit size", () => {
  const path = pathOf(COSTS, { cpuMicros: 0, tasks: 100, rowsWritten: 200, fsyncs: 10 });
  // 50 + 1 + 10 + 12 + 14 + 2 × 8 + 2 × 3 + 2 × (80 / 20 + 5)
  expect(sumOf(path)).toBeCloseTo(127, 9);
});

test("a hub that commits less than a row at a time pays for whole commits", () => {
  const path = pathOf(COSTS, { cpuMicros: 0, tasks: 100, rowsWritten: 100, fsyncs: 200 });
  expect(sumOf(path)).toBeCloseTo(103 + 3 + 85, 9);
});

test("the ratio compares what was measured in one repeat, so a machine that is slower for both changes nothing", () => {
  const repeats = [1, 2, 1.5].map((slowness) => ({
    costs: Object.fromEntries(
      Object.entries(COSTS).map(([key, micros]) => [key, micros * slowness]),
    ) as unknown as PrimitiveCosts,
    hub: { cpuMicros: 127 * 1.2 * 100 * slowness, tasks: 100, rowsWritten: 200, fsyncs: 10 },
  }));
  const result = compared(
    repeats.map(({ costs }) => costs),
    repeats.map(({ hub }) => hub),
    seededRandom(1),
  );
  expect(result.ratio.value).toBeCloseTo(1.2, 9);
  expect(result.ratio.high - result.ratio.low).toBeLessThan(1e-9);
  expect(result.sum.high).toBeGreaterThan(result.sum.low);
  expect(result).toMatchObject({ rowsPerTask: 2, rowsPerCommit: 20 });
});
