import { describe, expect, it } from "vitest";
import { seededRandom } from "../random.ts";
import { formAgainstSimulation } from "./against-closed-form.ts";
import { batchMeans } from "./batch-means.ts";
import { inputOfRandomFleet, randomFleet } from "./random-fleets.ts";
import { simulateFleet } from "./simulate-fleet.ts";

const fleetOf = (number: number) => randomFleet(seededRandom(11, number));

const simulate = (number: number, seed: number) => {
  const { fleet, mix, hubTaskMs } = fleetOf(number);
  const hub = { taskMs: hubTaskMs, frameMs: 0, latencyMs: 0 };
  return simulateFleet({ fleet, mix, hub, framesPerSec: 0, seed, settleMs: 300_000, measureMs: 1_500_000 });
};

describe("simulateFleet", () => {
  it("gives the same for the same seed and something else for another", () => {
    expect(simulate(1, 5)).toEqual(simulate(1, 5));
    expect(simulate(1, 6).tasksPerHour).not.toEqual(simulate(1, 5).tasksPerHour);
  });

  it("keeps every station within what it can do", () => {
    for (const number of [1, 2, 3, 4]) {
      for (const { name, share } of simulate(number, 1).utilisation) expect([name, share <= 1.0001]).toEqual([name, true]);
    }
  });

  it("agrees with the closed form within 5 % on a few fleets where that holds", { timeout: 30_000 }, () => {
    const off = Array.from({ length: 8 }, (_, number) => fleetOf(number)).flatMap((random, number) => {
      const { holds, error, simulated } = formAgainstSimulation(inputOfRandomFleet(random), random.mix, {
        seed: number,
        tasks: 400,
        lengthen: 4,
        onlyWhereItHolds: true,
      });
      const half = (simulated.high - simulated.low) / 2 / simulated.value;
      return holds.ok && Math.abs(error) - half > 0.05 ? [`fleet ${number}: ${error}`] : [];
    });
    expect(off).toEqual([]);
  });
});

const alike = (length: number, value: number) => Array.from({ length }, () => value);

it("batch means are as wide as their batches differ", () => {
  expect(batchMeans(alike(20, 3), "x")).toMatchObject({ value: 3, low: 3, high: 3, n: 20 });
  // Ten times 2 and ten times 4: standard deviation 1.026, over the root of 20, times 2.093.
  const { low, high } = batchMeans([...alike(10, 2), ...alike(10, 4)], "x");
  expect(low).toBeCloseTo(3 - 0.48, 2);
  expect(high).toBeCloseTo(3 + 0.48, 2);
});
