import { exponential, seededRandom } from "@hubscale/sidecar-sim";

export interface ArrivalProcess {
  arrivals: "poisson" | "constant";
  ratePerSec: number;
  seed: number;
}

/** The intended times of an open-loop load, in milliseconds from its start, ascending, without end. `constant` starts half an interval in. */
export function* arrivalTimes(process: ArrivalProcess): Generator<number, never> {
  const meanMs = 1000 / process.ratePerSec;
  const random = seededRandom(process.seed);
  const step = process.arrivals === "poisson" ? () => exponential(random, meanMs) : () => meanMs;
  for (let atMs = process.arrivals === "poisson" ? step() : meanMs / 2; ; atMs += step()) yield atMs;
}

/** All of them below `durationMs`: fixed before the load starts, so that nothing is drawn while it runs. */
export function arrivalsWithin(process: ArrivalProcess, durationMs: number): Float64Array {
  const times: number[] = [];
  for (const atMs of arrivalTimes(process)) {
    if (atMs >= durationMs) break;
    times.push(atMs);
  }
  return Float64Array.from(times);
}
