/** The closed form against the simulation on fleets that nobody chose. */
import { formAgainstSimulation, inputOfRandomFleet, randomFleet, seededRandom } from "@hubscale/fleet-model";
import { expect, it } from "vitest";

const FLEETS = 200;

it(`agrees with the simulation within 5 % on ${FLEETS} random fleets, but for those that its own rules name`, {
  timeout: 240_000,
}, () => {
  const errors: number[] = [];
  const off: string[] = [];
  const named = new Map<string, number>();
  for (let number = 0; number < FLEETS; number++) {
    const random = randomFleet(seededRandom(2026, number));
    const { error, holds, simulated } = formAgainstSimulation(inputOfRandomFleet(random), random.mix, {
      seed: number,
      tasks: 400,
      lengthen: 4,
      onlyWhereItHolds: true,
    });
    if (!holds.ok) {
      for (const reason of holds.reasons) named.set(reason.slice(0, 40), (named.get(reason.slice(0, 40)) ?? 0) + 1);
      continue;
    }
    errors.push(Math.abs(error));
    // What the simulation itself leaves open is no error of the closed form.
    const half = (simulated.high - simulated.low) / 2 / simulated.value;
    if (Math.abs(error) - half > 0.05)
      off.push(`fleet ${number}: ${(error * 100).toFixed(1)} % ± ${(half * 100).toFixed(1)} %`);
  }
  const sorted = errors.toSorted((a, b) => a - b);
  expect(off).toEqual([]);
  // Rules that name most fleets would make this say nothing.
  expect(errors.length).toBeGreaterThan(FLEETS / 2);
  // The runs are short, for the sake of the test's time; `bench fleet --random` makes longer ones.
  expect(sorted[Math.floor(sorted.length * 0.5)]).toBeLessThan(0.02);
  expect(sorted[Math.floor(sorted.length * 0.9)]).toBeLessThan(0.05);
});
