import { expect, test } from "vitest";
import { CapacitySearch } from "./capacity-search.ts";
import { seededRandom } from "./estimate.ts";

function searched(options: { truth: number; guess: number; seed: number; trials: number; flukes?: number }) {
  const random = seededRandom(options.seed);
  const search = new CapacitySearch({ guess: options.guess, maxLoad: 1e6, unit: "tasks/s" });
  for (let i = 0; i < options.trials; i++) {
    const load = search.nextLoad();
    const spread = 0.04 * Math.log(1 / random() - 1);
    const holds = Math.log(load) + spread < Math.log(options.truth);
    search.record(load, random() < (options.flukes ?? 0) ? !holds : holds);
  }
  return search;
}

test("the 95 % interval holds the true capacity in about 95 of 100 searches, also with flukes and a bad guess", () => {
  let inside = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const { low, high } = searched({ truth: 700, guess: seed % 2 ? 200 : 2500, seed, trials: 14, flukes: 0.03 }).estimate();
    if (low <= 700 && 700 <= high) inside++;
  }
  expect(inside).toBeGreaterThanOrEqual(180);
}, 60_000);

test("also for a hub of four tasks a second, of which a dozen come in a trial, more or fewer", () => {
  let inside = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed, 3);
    const search = new CapacitySearch({ guess: 5, maxLoad: 1e6, unit: "tasks/s" });
    for (let i = 0; i < 11; i++) {
      const load = search.nextLoad();
      const planned = load * 3;
      let came = 0;
      for (let at = -Math.log(1 - random()); at < planned; at -= Math.log(1 - random())) came++;
      search.record(load, came / 3 < 4, planned);
    }
    const { low, high } = search.estimate();
    if (low <= 4 && 4 <= high) inside++;
  }
  expect(inside).toBeGreaterThanOrEqual(185);
}, 60_000);

test("more trials make the interval narrower", () => {
  const short = searched({ truth: 700, guess: 900, seed: 7, trials: 6 }).relativeHalfWidth();
  const long = searched({ truth: 700, guess: 900, seed: 7, trials: 24 }).relativeHalfWidth();
  expect(long).toBeLessThan(short / 2);
});

test("without a miss, or without a hold, it says that one side is unknown", () => {
  const search = new CapacitySearch({ guess: 100, maxLoad: 1000, unit: "tasks/s" });
  search.record(100, true);
  expect(search.isOneSided()).toBe(true);
  search.record(200, false);
  expect(search.isOneSided()).toBe(false);
});

test("no trial is offered more than the generator's limit", () => {
  const search = new CapacitySearch({ guess: 900, maxLoad: 1000, unit: "tasks/s" });
  for (let i = 0; i < 10; i++) {
    expect(search.nextLoad()).toBeLessThanOrEqual(1000);
    search.record(search.nextLoad(), true);
  }
});
