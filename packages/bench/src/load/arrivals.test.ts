import { expect, test } from "vitest";
import { arrivalsWithin } from "./arrivals.ts";

test("constant arrivals are evenly spaced and as many as the rate says", () => {
  const times = arrivalsWithin({ arrivals: "constant", ratePerSec: 100, seed: 1 }, 1_000);
  expect(times).toHaveLength(100);
  expect(times[1]).toBeCloseTo(15);
});

test("Poisson arrivals: the seed fixes them, counts and gaps have the mean and the spread of the process", () => {
  const process = { arrivals: "poisson", ratePerSec: 1_000, seed: 9 } as const;
  const times = arrivalsWithin(process, 60_000);
  const first = (from: Float64Array) => from.slice(0, 100);
  expect(first(arrivalsWithin(process, 60_000))).toEqual(first(times));
  expect(first(arrivalsWithin({ ...process, seed: 10 }, 60_000))).not.toEqual(first(times));
  // Four standard deviations of a Poisson count of 60,000.
  expect(Math.abs(times.length - 60_000)).toBeLessThan(4 * Math.sqrt(60_000));
  const gaps = Array.from(times.subarray(1), (at, i) => at - (times[i] as number));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  expect(Math.min(...gaps.slice(0, 1_000))).toBeGreaterThanOrEqual(0);
  expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
});
