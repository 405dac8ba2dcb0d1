/** How much one measured number exceeds another, and whether that may be said at all. */
import { errorFunction, probit } from "simple-statistics";
import type { Estimate } from "../measure/estimate.ts";

/**
 * Quotient of two independent estimates of positive numbers. Their relative errors add up as the root of their squares (error
 * propagation for a quotient, on the logarithms), each side for itself.
 */
export function independentQuotient(a: Estimate, b: Estimate): Estimate {
  const value = a.value / b.value;
  const down = Math.hypot(Math.log(a.value / a.low), Math.log(b.high / b.value));
  const up = Math.hypot(Math.log(a.high / a.value), Math.log(b.value / b.low));
  return { value, low: value * Math.exp(-down), high: value * Math.exp(up), n: Math.min(a.n, b.n), unit: "×" };
}

/**
 * A percentile bootstrap of n observations is too narrow: by sqrt((n − 1)/n), since it takes the sample for the population, and
 * by the normal's quantile in place of Student's (Hesterberg 2015, The American Statistician 69, §4). At 3 trials that is a
 * factor of 2.7. Of one observation nothing is known. Widened on the logarithm.
 */
export function widenedForFewObservations(estimate: Estimate): Estimate | undefined {
  const { value, low, high, n } = estimate;
  if (n < 2) return undefined;
  const factor = (studentQuantile(n - 1) / NORMAL_QUANTILE) * Math.sqrt(n / (n - 1));
  return { ...estimate, low: value * (low / value) ** factor, high: value * (high / value) ** factor };
}

export type Answer = "no difference" | "higher" | "lower";

export interface EffectOptions {
  /** A ratio of up to 1 + margin either way is not worth telling, however certain; 0.05 is 5 %. */
  margin: number;
}

/**
 * For each ratio whether it may be called a difference, such that of all runs in which nothing differs at most 1 in 20 names any
 * (Holm 1979, Scandinavian Journal of Statistics 6): the more is compared, the clearer a single difference has to be. The
 * intervals themselves stay those of one comparison.
 */
export function answersTo(ratios: readonly Estimate[], { margin }: EffectOptions): Answer[] {
  const answers: Answer[] = ratios.map(() => "no difference");
  const ranked = ratios.map((ratio, at) => ({ at, ratio, p: doubtIn(ratio, margin) })).sort((a, b) => a.p - b.p);
  for (const [rank, { at, ratio, p }] of ranked.entries()) {
    if (p > FAMILY_ERROR / (ranked.length - rank)) break;
    answers[at] = ratio.value > 1 ? "higher" : "lower";
  }
  return answers;
}

/** Chance to see a ratio this far beyond the margin although the true one is within, from the interval on the side of 1. */
function doubtIn({ value, low, high }: Estimate, margin: number): number {
  const beyond = Math.abs(Math.log(value)) - Math.log(1 + margin);
  const halfWidth = value > 1 ? Math.log(value / low) : Math.log(high / value);
  if (!(beyond > 0)) return 1;
  if (!(halfWidth > 0)) return 0;
  // Both tails of the normal. Not by the library's cumulative probability, a table that ends at 0.999: among 25 ratios and more
  // nothing would ever be clear enough.
  return 1 - errorFunction((NORMAL_QUANTILE * beyond) / halfWidth / Math.SQRT2);
}

const FAMILY_ERROR = 0.05;
const NORMAL_QUANTILE = probit(0.975);

/** 97.5 % quantile of Student's distribution for 1 to 30 degrees of freedom; beyond, the normal's within 4 %. */
export function studentQuantile(freedom: number): number {
  return STUDENT[freedom - 1] ?? NORMAL_QUANTILE * (1 + 1.2 / freedom);
}

const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101,
  2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
