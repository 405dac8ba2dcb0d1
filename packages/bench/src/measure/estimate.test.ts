import { expect, test } from "vitest";
import { medianEstimate, quantileOfSorted, quotient, ratioEstimate, seededRandom } from "./estimate.ts";

test("a ratio is the ratio of the sums, not the mean of the ratios", () => {
  const estimate = ratioEstimate(
    [
      { numerator: 10, denominator: 10 },
      { numerator: 10, denominator: 90 },
    ],
    "ms",
    seededRandom(1),
  );
  expect(estimate?.value).toBeCloseTo(0.2);
  expect(estimate?.low).toBeLessThan(0.2);
  expect(estimate?.high).toBeGreaterThan(0.2);
});

test("observations without tasks are left out, and none at all is no estimate", () => {
  expect(ratioEstimate([{ numerator: 3, denominator: 0 }], "ms", seededRandom(1))).toBeUndefined();
});

test("a quotient's interval is the widest that the two intervals allow", () => {
  const a = { value: 10, low: 8, high: 12, n: 5, unit: "x" };
  const b = { value: 5, low: 4, high: 6, n: 3, unit: "x" };
  expect(quotient(a, b, "ratio")).toEqual({ value: 2, low: 8 / 6, high: 3, n: 3, unit: "ratio" });
});

test("quantiles interpolate", () => {
  expect(quantileOfSorted([1, 2, 3, 4], 0.5)).toBe(2.5);
});

test("a median is not moved by one slow observation, and its interval holds it", () => {
  const estimate = medianEstimate([1, 1.1, 0.9, 1, 50, 1.05, 0.95], "ms", seededRandom(1));
  expect(estimate).toMatchObject({ value: 1, n: 7, unit: "ms" });
  expect(estimate?.low).toBeGreaterThanOrEqual(0.9);
  expect(estimate?.high).toBeLessThan(2);
  expect(medianEstimate([], "ms", seededRandom(1))).toBeUndefined();
});
