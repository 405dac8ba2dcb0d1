import { standardNormal } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import { seededRandom } from "../measure/estimate.ts";
import { fitUsl, type UslFit, type UslParameters, type UslPoint, uslThroughput } from "./usl.ts";

const NODES = [1, 2, 3, 4, 6, 8];

/** Points of a hub with known coefficients, each off by a normal error of `noise` (0.03: 3 %) and with the interval of that size. */
function measured(truth: UslParameters, noise: number, seed: number, { intervals = true, nodes = NODES } = {}): UslPoint[] {
  const random = seededRandom(seed);
  return nodes.map((count) => {
    const value = uslThroughput(truth, count) * Math.exp(noise * standardNormal(random));
    const half = Math.exp(1.96 * noise);
    const interval = intervals ? { low: value / half, high: value * half, n: 12 } : { low: value, high: value, n: 1 };
    return { nodes: count, throughput: { value, ...interval, unit: "tasks/s" } };
  });
}

function fitted(points: readonly UslPoint[], seed = 1, projectTo: number[] = []): UslFit {
  const outcome = fitUsl(points, seededRandom(seed), projectTo);
  if (!outcome.fitted) throw new Error(outcome.reason);
  return outcome;
}

const inside = (truth: number, { low, high }: { low: number; high: number }) => low <= truth && truth <= high;

test("without noise the coefficients come back exactly", () => {
  const truth = { lambda: 900, alpha: 0.06, beta: 0.004 };
  const fit = fitted(measured(truth, 1e-9, 1));
  expect(fit.lambda.value).toBeCloseTo(900, 3);
  expect(fit.alpha.value).toBeCloseTo(0.06, 6);
  expect(fit.beta.value).toBeCloseTo(0.004, 6);
  expect(fit.peakNodes).toBeCloseTo(Math.sqrt(0.94 / 0.004), 2);
  expect(fit.heldOutErrorPercent.mean).toBeLessThan(0.001);
});

test.each<[string, UslParameters, { intervals: boolean }]>([
  ["with contention and coherency", { lambda: 700, alpha: 0.08, beta: 0.006 }, { intervals: true }],
  ["linear", { lambda: 250, alpha: 0, beta: 0 }, { intervals: true }],
  ["with contention only", { lambda: 40, alpha: 0.2, beta: 0 }, { intervals: true }],
  ["with points that have no intervals", { lambda: 700, alpha: 0.08, beta: 0.006 }, { intervals: false }],
])(
  "a synthetic hub %s is recovered within the intervals, over many seeds",
  (_, truth, options) => {
    const seeds = 20;
    const hits = { lambda: 0, alpha: 0, beta: 0 };
    for (let seed = 1; seed <= seeds; seed++) {
      const fit = fitted(measured(truth, 0.03, seed, options), seed);
      for (const name of ["lambda", "alpha", "beta"] as const) if (inside(truth[name], fit[name])) hits[name]++;
    }
    // 95 % of 20 is 19; a true 95 % interval would hold fewer than 16 once in some 400 such tests.
    expect(hits.lambda).toBeGreaterThanOrEqual(16);
    expect(hits.alpha).toBeGreaterThanOrEqual(16);
    expect(hits.beta).toBeGreaterThanOrEqual(16);
  },
  60_000,
);

test("a projection's interval holds the truth beyond the points, and is wider than within them", () => {
  const truth = { lambda: 700, alpha: 0.05, beta: 0.002 };
  const [within, beyond] = fitted(measured(truth, 0.02, 3), 3, [5, 16]).projections;
  const width = (e?: { throughput: { value: number; low: number; high: number } }) =>
    e ? (e.throughput.high - e.throughput.low) / e.throughput.value : Number.NaN;
  expect(beyond && inside(uslThroughput(truth, 16), beyond.throughput)).toBe(true);
  expect(width(beyond)).toBeGreaterThan(2 * width(within));
});

test("coefficients are never negative, also for a hub that scales better than linearly", () => {
  const points = NODES.map((nodes) => {
    const value = 100 * nodes ** 1.1;
    return { nodes, throughput: { value, low: value * 0.98, high: value * 1.02, n: 9, unit: "tasks/s" } };
  });
  const fit = fitted(points);
  expect(fit.alpha.value).toBe(0);
  expect(fit.beta.value).toBe(0);
  expect(fit.peakNodes).toBeNull();
  // And it says that the law does not describe these points.
  expect(fit.birgeRatio).toBeGreaterThan(2);
});

test("a wall that the law does not know shows in the error on the point that it had not seen", () => {
  const smooth = fitted(measured({ lambda: 100, alpha: 0.02, beta: 0 }, 0.001, 1));
  const points = NODES.map((nodes) => {
    const value = Math.min(100 * nodes, 420);
    return { nodes, throughput: { value, low: value * 0.98, high: value * 1.02, n: 9, unit: "tasks/s" } };
  });
  const walled = fitted(points);
  expect(smooth.heldOutErrorPercent.beyondLargest).toBeLessThan(2);
  expect(walled.heldOutErrorPercent.beyondLargest).toBeGreaterThan(10);
});

test.each<[string, number[], RegExp]>([
  ["five points", [1, 2, 3, 4, 8], /too few points \(5 of at least 6\)/],
  ["repeats of three node counts", [1, 1, 2, 2, 4, 4], /too few node counts \(3 of at least 4\)/],
])("%s are not fitted, with the reason", (_, nodes, reason) => {
  const outcome = fitUsl(measured({ lambda: 1, alpha: 0, beta: 0 }, 0.01, 1, { nodes }), seededRandom(1));
  expect(outcome).toEqual({ fitted: false, reason: expect.stringMatching(reason) });
});

test("a hub that bore nothing is no point of a curve", () => {
  const points = measured({ lambda: 100, alpha: 0, beta: 0 }, 0.01, 1);
  const dead = points.filter((point) => point.nodes !== 4);
  dead.push({ nodes: 4, throughput: { value: 0, low: 0, high: 0, n: 9, unit: "tasks/s" } });
  expect(fitUsl(dead, seededRandom(1))).toMatchObject({ fitted: false, reason: expect.stringMatching(/at 4 nodes/) });
});
