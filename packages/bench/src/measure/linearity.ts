/** Whether the scale model may be believed: a hub's CPU for a task must not depend on the quota that it ran under. Pure. */
import type { Linearity } from "../results/compare-result.ts";
import { medianEstimate } from "./estimate.ts";

/** Beyond this between two quotas a result per core of one is not that of another. */
export const LINEARITY_LIMIT = 0.15;

/** At least two quotas, each with at least one observation. */
export function linearityOf(observations: readonly { cores: number; cpuMsPerTask: number }[], random: () => number): Linearity {
  const quotas = [...new Set(observations.map(({ cores }) => cores))].sort((a, b) => a - b);
  if (quotas.length < 2) throw new Error("linearity needs two quotas");
  const points = quotas.flatMap((cores) => {
    const its = observations.filter((each) => each.cores === cores).map((each) => each.cpuMsPerTask);
    const cpuMsPerTask = medianEstimate(its, "ms", random);
    return cpuMsPerTask ? [{ cores, cpuMsPerTask }] : [];
  });
  const sorted = points.map((point) => point.cpuMsPerTask).sort((a, b) => a.value - b.value);
  const [cheapest, dearest] = [sorted[0], sorted.at(-1)];
  if (!cheapest || !dearest) throw new Error("linearity needs observations");
  const shift = dearest.value / cheapest.value - 1;
  // Noise of a busy machine alone must not condemn a hub: the intervals must be apart too.
  return { points, shift, flagged: shift > LINEARITY_LIMIT && dearest.low > cheapest.high };
}
