import { expect, test } from "vitest";
import { seededRandom } from "../measure/estimate.ts";
import { growthOf } from "./growth.ts";

const observed = (cost: (size: number) => number, repeats = 5) =>
  [50, 100, 200, 400].flatMap((size) => Array.from({ length: repeats }, () => ({ size, total: cost(size) })));

test.each([
  ["linear", (n: number) => 3 * n, 1],
  ["quadratic", (n: number) => 0.5 * n * n, 2],
  ["cubic", (n: number) => n ** 3, 3],
])("%s growth has its exponent", (_name, cost, exponent) => {
  const growth = growthOf(observed(cost), "µs", seededRandom(1));
  expect(growth.exponent.value).toBeCloseTo(exponent, 9);
  expect(growth.exponent.high - growth.exponent.low).toBeLessThan(1e-9);
});

test("a cost for each and a cost for each pair are told apart", () => {
  const growth = growthOf(
    observed((n) => n * (120 + 4 * n)),
    "µs",
    seededRandom(1),
  );
  expect(growth.fixed).toMatchObject({ value: expect.closeTo(120, 6), unit: "µs", n: 20 });
  expect(growth.perSize.value).toBeCloseTo(4, 9);
});

test("what varies from repeat to repeat widens the interval, which keeps the truth inside", () => {
  const random = seededRandom(7);
  const noisy = observed((n) => n * n * (0.8 + 0.4 * random()));
  const { exponent } = growthOf(noisy, "µs", seededRandom(1));
  expect(exponent.low).toBeLessThan(2);
  expect(exponent.high).toBeGreaterThan(2);
  expect(exponent.high - exponent.low).toBeGreaterThan(0.01);
});

test("one size says nothing of growth", () => {
  expect(() => growthOf([{ size: 5, total: 1 }], "µs", seededRandom(1))).toThrow("two sizes");
});
