/** How a cost grows with a size, from repeated measurements at several sizes. Pure. */
import { type Estimate, quantileOfSorted } from "../measure/estimate.ts";

/** `total`: what it took altogether, at this size, in one repeat. */
export interface Observation {
  size: number;
  total: number;
}

/** Above zero; at least two sizes. */
export interface Growth {
  /** b of total = a · size^b: 1 is linear, 2 quadratic. Least squares of the logarithms. */
  exponent: Estimate;
  /** Of total / size = fixed + perSize · size: what one costs by itself, and what it costs for each that is there. */
  fixed: Estimate;
  perSize: Estimate;
}

/** 95 % percentile bootstrap over the repeats of each size (Efron 1979), so that every resample has all sizes. */
export function growthOf(observations: readonly Observation[], unit: string, random: () => number): Growth {
  const sizes = [...new Set(observations.map(({ size }) => size))];
  const bySize = sizes.map((size) => observations.filter((each) => each.size === size));
  if (bySize.length < 2) throw new Error("a growth needs two sizes");
  const resamples = Array.from({ length: BOOTSTRAP_RESAMPLES }, () =>
    fitted(bySize.flatMap((group) => group.map(() => group[Math.floor(random() * group.length)] as Observation))),
  );
  const whole = fitted(observations);
  const estimate = (key: keyof Fitted, of: string): Estimate => {
    const sorted = resamples.map((each) => each[key]).sort((a, b) => a - b);
    return {
      value: whole[key],
      low: quantileOfSorted(sorted, 0.025),
      high: quantileOfSorted(sorted, 0.975),
      n: observations.length,
      unit: of,
    };
  };
  return { exponent: estimate("exponent", ""), fixed: estimate("fixed", unit), perSize: estimate("perSize", unit) };
}

interface Fitted {
  exponent: number;
  fixed: number;
  perSize: number;
}

function fitted(observations: readonly Observation[]): Fitted {
  const logs = line(observations.map(({ size, total }) => [Math.log(size), Math.log(total)]));
  const each = line(observations.map(({ size, total }) => [size, total / size]));
  return { exponent: logs.slope, fixed: each.intercept, perSize: each.slope };
}

/** Ordinary least squares. */
function line(points: readonly (readonly [x: number, y: number])[]): { slope: number; intercept: number } {
  const mean = (index: 0 | 1) => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const slope = covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return { slope, intercept: meanY - slope * meanX };
}

const BOOTSTRAP_RESAMPLES = 1_000;
