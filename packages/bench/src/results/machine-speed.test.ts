import { expect, it } from "vitest";
import type { CompareResult } from "./compare-result.ts";
import { machineSpeedOf } from "./machine-speed.ts";

const resultWith = (...hubs: (number | null | undefined)[][]) =>
  ({
    hubs: hubs.map((trials) => ({ trials: trials.map((referenceMs) => ({ referenceMs })) })),
  }) as unknown as CompareResult;

it("takes the trials of all hubs together, and those that could not tell for nothing", () => {
  const twenty = Array.from({ length: 20 }, (_, n) => n + 1);
  const speed = machineSpeedOf(resultWith(twenty, [null, undefined]));
  expect(speed).toMatchObject({ medianMs: 10.5, trials: 20 });
  expect(speed?.lowMs).toBeCloseTo(1.95);
  expect(speed?.highMs).toBeCloseTo(19.05);
  expect(machineSpeedOf(resultWith([null], []))).toBeNull();
});
