import { expect, test } from "vitest";
import { arrivalsWithin, traceRatePerSec } from "./arrivals.ts";

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

test("bursts come whole, and as many tasks as the rate says", () => {
  const times = arrivalsWithin({ arrivals: { kind: "bursts", size: 20 }, ratePerSec: 1_000, seed: 3 }, 60_000);
  expect(times.length % 20).toBe(0);
  expect(new Set(times).size).toBe(times.length / 20);
  // A Poisson count of 3,000 bursts.
  expect(Math.abs(times.length / 20 - 3_000)).toBeLessThan(4 * Math.sqrt(3_000));
});

test("a trace keeps its shape at any rate, and begins anew when it is over", () => {
  const offsetsMs = [100, 100, 110, 500];
  expect(traceRatePerSec(offsetsMs)).toBeCloseTo(4 / 0.5333, 2);
  const times = arrivalsWithin({ arrivals: { kind: "trace", offsetsMs }, ratePerSec: 40, seed: 5 }, 10_000);
  expect(Math.abs(times.length - 400)).toBeLessThanOrEqual(4);
  const gaps = Array.from(times.subarray(1), (at, i) => at - (times[i] as number));
  expect(Math.min(...gaps)).toBe(0);
  // 400 ms of silence, sped up from 7.5 to 40 tasks a second.
  expect(Math.max(...gaps)).toBeLessThan(110);
  expect(gaps.filter((gap) => gap > 70).length).toBeGreaterThan(90);
});
