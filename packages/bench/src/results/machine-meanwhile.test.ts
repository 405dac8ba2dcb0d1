import { expect, it } from "vitest";
import type { CompareResult } from "./compare-result.ts";
import { machineSpeedOf, othersCoresOf } from "./machine-meanwhile.ts";

const resultWith = (name: "referenceMs" | "othersCores", ...hubs: (number | null | undefined)[][]) =>
  ({
    hubs: hubs.map((trials) => ({ trials: trials.map((value) => ({ [name]: value })) })),
  }) as unknown as CompareResult;

it("takes the trials of all hubs together, and those that could not tell for nothing", () => {
  const twenty = Array.from({ length: 20 }, (_, n) => n + 1);
  const speed = machineSpeedOf(resultWith("referenceMs", twenty, [null, undefined]));
  expect(speed).toMatchObject({ median: 10.5, trials: 20 });
  expect(speed?.low).toBeCloseTo(1.95);
  expect(speed?.high).toBeCloseTo(19.05);
  expect(machineSpeedOf(resultWith("referenceMs", [null], []))).toBeNull();
});

it("counts a trial beside which nothing ran", () => {
  expect(othersCoresOf(resultWith("othersCores", [0, 0, 0.9], [0.9, null]))).toMatchObject({ median: 0.45, trials: 4 });
});
