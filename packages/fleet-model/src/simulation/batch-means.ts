/**
 * An interval for the mean of a stream whose values depend on each other: cut into batches that are long enough to be nearly
 * independent (A. M. Law, Simulation Modeling and Analysis, ch. 9; 20 batches, Student's t).
 */
import type { Estimate } from "../decision/hub-evidence.ts";

export const BATCHES = 20;
/** Student's t, 19 degrees of freedom, 97.5 %. */
const T_19 = 2.093;

export function batchMeans(means: readonly number[], unit: string): Estimate {
  const n = means.length;
  const value = means.reduce((sum, mean) => sum + mean, 0) / n;
  const variance = means.reduce((sum, mean) => sum + (mean - value) ** 2, 0) / Math.max(1, n - 1);
  const half = T_19 * Math.sqrt(variance / n);
  return { value, low: value - half, high: value + half, n, unit };
}
