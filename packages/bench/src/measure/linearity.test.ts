import { expect, test } from "vitest";
import { seededRandom } from "./estimate.ts";
import { linearityOf } from "./linearity.ts";

const observed = (costs: Record<number, number[]>) =>
  Object.entries(costs).flatMap(([cores, each]) => each.map((cpuMsPerTask) => ({ cores: Number(cores), cpuMsPerTask })));

test("a hub that costs the same under every quota is linear", () => {
  const { points, shift, flagged } = linearityOf(
    observed({ 0.2: [2.1, 2, 2.05], 0.4: [2, 2.02, 1.98], 0.8: [2, 1.99, 2.04] }),
    seededRandom(1),
  );
  expect(points.map(({ cores }) => cores)).toEqual([0.2, 0.4, 0.8]);
  expect(shift).toBeCloseTo(0.025, 2);
  expect(flagged).toBe(false);
});

test("one whose CPU for a task shifts by a quarter between two quotas is flagged", () => {
  const { shift, flagged } = linearityOf(observed({ 0.2: [2.5, 2.48, 2.52], 0.8: [2, 1.99, 2.01] }), seededRandom(1));
  expect(shift).toBeCloseTo(0.25);
  expect(flagged).toBe(true);
});

test("a shift within the noise is shown and not flagged", () => {
  const { shift, flagged } = linearityOf(observed({ 0.2: [2, 4, 2.6], 0.8: [2.1, 3.2, 1.9] }), seededRandom(1));
  expect(shift).toBeGreaterThan(0.15);
  expect(flagged).toBe(false);
});

test("one quota says nothing", () => {
  expect(() => linearityOf(observed({ 0.2: [1] }), seededRandom(1))).toThrow("two quotas");
});
