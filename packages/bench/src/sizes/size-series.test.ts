import { describe, expect, it } from "vitest";
import { seededRandom } from "../measure/estimate.ts";
import { type SeriesPlan, seriesResultOf, type Slice } from "./size-series.ts";

const PLAN: SeriesPlan = {
  hub: "single-tuned",
  grows: "completed rows",
  points: [
    { completedRows: 0, agents: 50 },
    { completedRows: 100_000, agents: 50 },
  ],
};
const HISTORY = { submitted: 1, acknowledged: 1, completed: 1, deadLettered: 0, lost: 0, duplicated: 0, staleAccepted: 0 };

/** `slow[r]`: how much slower the machine was in round r, for all alike; `factor`: the point's own. */
function slices(slow: readonly number[], factor: number): Slice[] {
  return slow.map((times) => ({ tasks: 1_000, wallSec: times * factor, cpuSec: 0.5 * factor }));
}

function result(first: Slice[], last: Slice[]) {
  return seriesResultOf(PLAN, [first, last], [HISTORY, HISTORY], seededRandom(1));
}

describe("a series of sizes", () => {
  it("sets each size against the first within the round, so that a slow machine cancels", () => {
    const { sizes, verdict } = result(slices([1, 3, 1, 5], 1), slices([1, 3, 1, 5], 1.02));
    expect(sizes[0]).toMatchObject({ capacityRatio: null, cpuRatio: null, tasksPerSec: { value: 400 } });
    expect(sizes[1]?.capacityRatio?.value).toBeCloseTo(1 / 1.02, 9);
    expect(sizes[1]?.cpuRatio?.value).toBeCloseTo(1.02, 9);
    expect(sizes[1]?.cpuMsPerTask.value).toBeCloseTo(0.51, 9);
    expect(verdict).toContain("keeps its capacity: ×0.98 [0.98, 0.98] with 100,000 completed rows against 0");
  });

  it("says by how much a hub falls or rises", () => {
    expect(result(slices([1, 1, 1], 1), slices([1, 1, 1], 4)).verdict).toContain("falls to ×0.25");
    expect(result(slices([1, 1, 1], 2), slices([1, 1, 1], 1)).verdict).toContain("rises to ×2.00");
  });

  it("claims nothing from an interval that is too wide", () => {
    expect(result(slices([1, 1, 1, 1], 1), slices([2, 0.5, 2, 0.5], 1)).verdict).toContain(
      "not told apart from 1, and not shown",
    );
  });

  it("says nothing of one size", () => {
    const plan = { ...PLAN, points: PLAN.points.slice(0, 1) };
    expect(seriesResultOf(plan, [slices([1, 1], 1)], [HISTORY], seededRandom(1)).verdict).toContain("one size says nothing");
  });
});
