/** Numbers with their intervals. Resampling draws from the same seeded generator as the simulated sidecars. */
export { seededRandom } from "@hubscale/sidecar-sim";
import type { Estimate } from "./estimate-schema.ts";

export type { Estimate };

/**
 * Ratio of sums (for instance CPU-ms over tasks) with a 95 % percentile bootstrap over the observations (Efron 1979). One
 * observation gives an interval of no width with `n: 1`, which says by itself how little it is worth. Undefined without any.
 */
export function ratioEstimate(
  observations: readonly { numerator: number; denominator: number }[],
  unit: string,
  random: () => number,
): Estimate | undefined {
  const usable = observations.filter((o) => o.denominator > 0);
  if (usable.length === 0) return undefined;
  const resamples: number[] = [];
  for (let i = 0; i < BOOTSTRAP_RESAMPLES; i++) {
    resamples.push(ratioOfSums(usable.map(() => usable[Math.floor(random() * usable.length)] ?? NOTHING)));
  }
  resamples.sort((a, b) => a - b);
  return {
    value: ratioOfSums(usable),
    low: quantileOfSorted(resamples, 0.025),
    high: quantileOfSorted(resamples, 0.975),
    n: usable.length,
    unit,
  };
}

/**
 * Median of the observations with a 95 % percentile bootstrap. For times on a machine that others use too: what they take makes
 * single observations longer, never shorter, and a mean would be theirs. Undefined without any.
 */
export function medianEstimate(observations: readonly number[], unit: string, random: () => number): Estimate | undefined {
  if (observations.length === 0) return undefined;
  const resamples: number[] = [];
  for (let i = 0; i < BOOTSTRAP_RESAMPLES; i++) {
    resamples.push(medianOf(observations.map(() => observations[Math.floor(random() * observations.length)] as number)));
  }
  resamples.sort((a, b) => a - b);
  return {
    value: medianOf(observations),
    low: quantileOfSorted(resamples, 0.025),
    high: quantileOfSorted(resamples, 0.975),
    n: observations.length,
    unit,
  };
}

function medianOf(values: readonly number[]): number {
  return quantileOfSorted(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** Value `value` with the spread of the single trials' values as its interval. */
export function spreadEstimate(value: number, perTrial: readonly number[], unit: string): Estimate {
  return { value, low: Math.min(value, ...perTrial), high: Math.max(value, ...perTrial), n: perTrial.length, unit };
}

/** Quotient of two independent estimates; the interval is the widest that theirs allow. */
export function quotient(a: Estimate, b: Estimate, unit: string): Estimate {
  return { value: a.value / b.value, low: a.low / b.high, high: a.high / b.low, n: Math.min(a.n, b.n), unit };
}

export function scaled(estimate: Estimate, factor: number, unit = estimate.unit): Estimate {
  return { ...estimate, value: estimate.value * factor, low: estimate.low * factor, high: estimate.high * factor, unit };
}

/** Linear interpolation between the order statistics (type 7 of Hyndman and Fan 1996). */
export function quantileOfSorted(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

const BOOTSTRAP_RESAMPLES = 1000;
const NOTHING = { numerator: 0, denominator: 0 };

function ratioOfSums(observations: readonly { numerator: number; denominator: number }[]): number {
  let numerator = 0;
  let denominator = 0;
  for (const o of observations) {
    numerator += o.numerator;
    denominator += o.denominator;
  }
  return numerator / denominator;
}
