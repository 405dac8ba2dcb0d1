import { exponential, seededRandom } from "@hubscale/sidecar-sim";

/** How submissions are spread over time. */
export type Arrivals =
  | "poisson"
  | "constant"
  /** As many at once, the bursts at random times (Poisson): what a fan-out of subtasks or a cron minute does. */
  | { kind: "bursts"; size: number }
  /** A recorded day: times in ms from its start, ascending. Stretched to the asked rate, and begun anew when it is over. */
  | { kind: "trace"; offsetsMs: readonly number[] };

export interface ArrivalProcess {
  arrivals: Arrivals;
  ratePerSec: number;
  seed: number;
}

/** The intended times of an open-loop load, in milliseconds from its start, ascending, without end. `constant` starts half an interval in. */
export function* arrivalTimes(process: ArrivalProcess): Generator<number, never> {
  const { arrivals, ratePerSec } = process;
  const meanMs = 1000 / ratePerSec;
  const random = seededRandom(process.seed);
  if (arrivals === "constant") for (let atMs = meanMs / 2; ; atMs += meanMs) yield atMs;
  if (arrivals === "poisson") for (let atMs = exponential(random, meanMs); ; atMs += exponential(random, meanMs)) yield atMs;
  if (arrivals.kind === "trace") return yield* replayed(arrivals.offsetsMs, ratePerSec, random());
  const { size } = arrivals;
  for (let atMs = exponential(random, size * meanMs); ; atMs += exponential(random, size * meanMs)) {
    for (let i = 0; i < size; i++) yield atMs;
  }
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

/** Tasks per second of a trace at its own speed. */
export function traceRatePerSec(offsetsMs: readonly number[]): number {
  return (1000 * offsetsMs.length) / traceSpanMs(offsetsMs);
}

/** One mean gap longer than from the first to the last, so that the first of the next round comes a gap after it. */
function traceSpanMs(offsetsMs: readonly number[]): number {
  const first = offsetsMs[0] as number;
  const last = offsetsMs.at(-1) as number;
  return ((last - first) * offsetsMs.length) / (offsetsMs.length - 1);
}

/** Begins at `begin` of the trace (0 to 1), so that trials with different seeds see different parts of it. */
function* replayed(offsetsMs: readonly number[], ratePerSec: number, begin: number): Generator<number, never> {
  const first = offsetsMs[0] as number;
  const stretch = traceRatePerSec(offsetsMs) / ratePerSec;
  const spanMs = traceSpanMs(offsetsMs);
  const startMs = begin * spanMs;
  for (let round = 0; ; round++) {
    for (const offset of offsetsMs) {
      const atMs = (offset - first + round * spanMs - startMs) * stretch;
      if (atMs >= 0) yield atMs;
    }
  }
}
