import { standardNormal } from "@hubscale/sidecar-sim";
import { expect, test } from "vitest";
import { type Estimate, seededRandom } from "../measure/estimate.ts";
import { answersTo, independentQuotient, widenedForFewObservations } from "./effect-size.ts";

const estimate = (value: number, low: number, high: number, n = 9): Estimate => ({ value, low, high, n, unit: "" });

test("relative errors of independent estimates add up as the root of their squares", () => {
  const { value, low, high } = independentQuotient(estimate(10, 10 / 1.03, 10.3), estimate(5, 5 / 1.04, 5.2));
  expect(value).toBe(2);
  expect(Math.log(high / 2)).toBeCloseTo(Math.hypot(Math.log(1.03), Math.log(1.04)), 6);
  expect(Math.log(2 / low)).toBeCloseTo(Math.log(high / 2), 6);
});

test("an interval of three observations is widened more than one of thirty; of one observation there is none", () => {
  const width = (e?: Estimate) => (e ? Math.log(e.high / e.low) : Number.NaN);
  const three = widenedForFewObservations(estimate(1, 0.9, 1.1, 3));
  const thirty = widenedForFewObservations(estimate(1, 0.9, 1.1, 30));
  expect(width(three) / width(estimate(1, 0.9, 1.1))).toBeCloseTo((4.303 / 1.96) * Math.sqrt(1.5), 2);
  expect(width(thirty) / width(estimate(1, 0.9, 1.1))).toBeLessThan(1.1);
  expect(widenedForFewObservations(estimate(1, 1, 1, 1))).toBeUndefined();
});

test("a clear difference is named, one within the margin is not, one within the interval is not", () => {
  const ratios = [estimate(2, 1.8, 2.2), estimate(0.5, 0.45, 0.55), estimate(1.03, 1.02, 1.04), estimate(1.2, 0.9, 1.6)];
  expect(answersTo(ratios, { margin: 0.05 })).toEqual(["higher", "lower", "no difference", "no difference"]);
});

test("the more is compared, the clearer a difference has to be", () => {
  const barely = estimate(1.1, 1.01, 1.2);
  const nothing = Array.from({ length: 19 }, () => estimate(1, 0.9, 1.1));
  expect(answersTo([barely], { margin: 0 })).toEqual(["higher"]);
  expect(answersTo([barely, ...nothing], { margin: 0 })).toEqual(Array.from({ length: 20 }, () => "no difference"));
});

test("where nothing differs, about 1 in 20 comparisons of twelve metrics names a difference, not every other", () => {
  const random = seededRandom(4);
  let named = 0;
  for (let run = 0; run < 400; run++) {
    const ratios = Array.from({ length: 12 }, () => {
      const value = Math.exp(0.05 * standardNormal(random));
      return estimate(value, value * Math.exp(-1.96 * 0.05), value * Math.exp(1.96 * 0.05));
    });
    if (answersTo(ratios, { margin: 0 }).some((answer) => answer !== "no difference")) named++;
  }
  expect(named).toBeLessThan(36);
  expect(named).toBeGreaterThan(6);
});

test("a difference by half is named among sixty", () => {
  const nothing = Array.from({ length: 59 }, () => estimate(1, 0.9, 1.1));
  const [answer, ...others] = answersTo([estimate(0.54, 0.5, 0.58), ...nothing], { margin: 0.05 });
  expect(answer).toBe("lower");
  expect(new Set(others)).toEqual(new Set(["no difference"]));
});
