import { exponential, seededRandom } from "@hubscale/sidecar-sim";

/**
 * The intended times of an open-loop load, in milliseconds from its start, ascending, all below `durationMs`. Fixed before the
 * load starts, so that a slow hub cannot slow its own load down. `constant` starts half an interval in.
 */
export function arrivalTimes(load: {
  arrivals: "poisson" | "constant";
  ratePerSec: number;
  durationMs: number;
  seed: number;
}): Float64Array {
  const meanMs = 1000 / load.ratePerSec;
  const random = seededRandom(load.seed);
  const times: number[] = [];
  const step = load.arrivals === "poisson" ? () => exponential(random, meanMs) : () => meanMs;
  for (let atMs = load.arrivals === "poisson" ? step() : meanMs / 2; atMs < load.durationMs; atMs += step()) times.push(atMs);
  return Float64Array.from(times);
}
