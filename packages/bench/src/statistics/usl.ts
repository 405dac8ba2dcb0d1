/**
 * The Universal Scalability Law (Gunther 1993; Guerrilla Capacity Planning, 2007, ch. 4-6): throughput of N nodes
 *
 *     X(N) = λN / (1 + α(N − 1) + βN(N − 1))
 *
 * with λ the throughput of one node, α the share of the work that only one may do at a time (contention) and β the cost of
 * keeping each in step with each other (coherency). It is a model with a shape of its own, so it is fitted only to points
 * enough to contradict it, and told with its error on points that it had not seen.
 */
import { standardNormal } from "@hubscale/sidecar-sim";
import { levenbergMarquardt } from "ml-levenberg-marquardt";
import { type Estimate, quantileOfSorted } from "../measure/estimate.ts";
import type { UslDeviation, UslFit } from "./scaling-schema.ts";

export interface UslPoint {
  nodes: number;
  /** Measured throughput or capacity. One observation without an interval is allowed; then the residuals alone give the noise. */
  throughput: Estimate;
}

export type UslOutcome = ({ fitted: true } & UslFit) | { fitted: false; reason: string };

export type { UslDeviation, UslFit };

export interface UslParameters {
  lambda: number;
  alpha: number;
  beta: number;
}

/** Three parameters go through any three points; a fit to fewer than this says nothing (Gunther 2007, §5.2). */
export const LEAST_POINTS = 6;
/** Repeats at one node count say nothing of the curve: with three counts the law cannot be contradicted. */
const LEAST_NODE_COUNTS = 4;
const BOOTSTRAP_FITS = 300;
const PARAMETERS = 3;

export function uslThroughput({ lambda, alpha, beta }: UslParameters, nodes: number): number {
  return (lambda * nodes) / slowdown(alpha, beta, nodes);
}

/**
 * Fits by least squares of the logarithms, since a capacity is off by so many per cent and not by so many tasks/s; each point
 * weighs as much as its interval allows. The 95 % intervals are a parametric bootstrap around the fit.
 */
export function fitUsl(points: readonly UslPoint[], random: () => number, projectTo: readonly number[] = []): UslOutcome {
  const problem = tooLittle(points);
  if (problem !== undefined) return { fitted: false, reason: problem };
  const sample = sampleOf(points);
  const fit = fitSample(sample);
  const noise = noiseOf(sample, fit);
  const draws: UslParameters[] = [];
  for (let i = 0; i < BOOTSTRAP_FITS; i++) {
    const factor = noise.draw(random);
    const logs = sample.nodes.map(
      (nodes, p) => Math.log(uslThroughput(fit, nodes)) + factor * (sample.spread[p] as number) * standardNormal(random),
    );
    draws.push(fitSample({ ...sample, logs }, fit));
  }
  const unit = points[0]?.throughput.unit ?? "";
  const estimate = (of: (p: UslParameters) => number, unit: string): Estimate => {
    const sorted = draws.map(of).sort((a, b) => a - b);
    const value = of(fit);
    // The fit itself belongs to what is believed, also where it lies on the edge of its resamples.
    const low = Math.min(value, quantileOfSorted(sorted, 0.025));
    const high = Math.max(value, quantileOfSorted(sorted, 0.975));
    return { value, low, high, n: points.length, unit };
  };
  const heldOut = heldOutOf(sample);
  return {
    fitted: true,
    lambda: estimate((p) => p.lambda, unit),
    alpha: estimate((p) => p.alpha, ""),
    beta: estimate((p) => p.beta, ""),
    points: points.length,
    residuals: deviations(
      sample,
      sample.nodes.map((_, p) => p),
      fit,
    ),
    heldOut,
    heldOutErrorPercent: {
      mean: heldOut.reduce((sum, each) => sum + Math.abs(each.errorPercent), 0) / heldOut.length,
      beyondLargest: worstAt(heldOut, Math.max(...sample.nodes)),
    },
    birgeRatio: noise.birgeRatio,
    peakNodes: fit.beta > 0 ? Math.sqrt(Math.max(0, 1 - fit.alpha) / fit.beta) : null,
    projections: projectTo.map((nodes) => ({ nodes, throughput: estimate((p) => uslThroughput(p, nodes), unit) })),
  };
}

function tooLittle(points: readonly UslPoint[]): string | undefined {
  if (points.length < LEAST_POINTS) return `not fitted, too few points (${points.length} of at least ${LEAST_POINTS})`;
  const counts = new Set(points.map((point) => point.nodes)).size;
  if (counts < LEAST_NODE_COUNTS) return `not fitted, too few node counts (${counts} of at least ${LEAST_NODE_COUNTS})`;
  const bad = points.find(({ nodes, throughput }) => !(nodes >= 1) || !(throughput.value > 0));
  if (bad) return `not fitted, the point at ${bad.nodes} nodes has no positive throughput`;
  return undefined;
}

interface Sample {
  nodes: number[];
  /** Natural logarithms of the throughputs. */
  logs: number[];
  /** Standard deviation of each logarithm; all 1 when it is not known. */
  spread: number[];
  spreadIsKnown: boolean;
}

function sampleOf(points: readonly UslPoint[]): Sample {
  const spread = points.map(({ throughput: { low, high, n } }) =>
    n > 1 && high > low && low > 0 ? Math.log(high / low) / (2 * NORMAL_97_5) : Number.NaN,
  );
  const spreadIsKnown = spread.every((s) => s > 0);
  return {
    nodes: points.map((point) => point.nodes),
    logs: points.map((point) => Math.log(point.throughput.value)),
    spread: spreadIsKnown ? spread : points.map(() => 1),
    spreadIsKnown,
  };
}

/**
 * How many times `spread` the noise is. Where the points came with intervals: those, widened when the points scatter more. Else
 * what the residuals say, itself uncertain: the variance is drawn from its own distribution, which gives Student's intervals.
 */
function noiseOf(sample: Sample, fit: UslParameters): { draw(random: () => number): number; birgeRatio: number | null } {
  const freedom = sample.nodes.length - PARAMETERS;
  const sum = squaresOf(sample, fit);
  if (sample.spreadIsKnown) {
    const birgeRatio = Math.sqrt(sum / freedom);
    return { birgeRatio, draw: () => Math.max(1, birgeRatio) };
  }
  return {
    birgeRatio: null,
    draw: (random) => {
      let chiSquared = 0;
      for (let i = 0; i < freedom; i++) chiSquared += standardNormal(random) ** 2;
      return Math.sqrt(sum / chiSquared);
    },
  };
}

/** The unconstrained fit where it is in order, else the best with α or β or both at 0: the exact answer to α, β ≥ 0. */
function fitSample(sample: Sample, start?: UslParameters): UslParameters {
  const all = fitFree(sample, ["alpha", "beta"], start);
  if (all.alpha >= 0 && all.beta >= 0) return all;
  const others = [fitFree(sample, ["alpha"], start), fitFree(sample, ["beta"], start), fitFree(sample, [], start)];
  const allowed = others.filter((fit) => fit.alpha >= 0 && fit.beta >= 0);
  return allowed.reduce((best, fit) => (squaresOf(sample, fit) < squaresOf(sample, best) ? fit : best));
}

type Free = "alpha" | "beta";

/** Levenberg-Marquardt over ln λ and the free ones; the others are 0. */
function fitFree(sample: Sample, free: readonly Free[], start?: UslParameters): UslParameters {
  const { nodes, logs, spread } = sample;
  const from = start ?? firstGuess(sample);
  const named = ([logLambda = 0, ...rest]: readonly number[]): UslParameters => {
    const of = (name: Free) => rest[free.indexOf(name)] ?? 0;
    return { lambda: Math.exp(logLambda), alpha: of("alpha"), beta: of("beta") };
  };
  const largest = Math.max(...nodes);
  // A little below 0, so that the answer shows on which side of 0 it wants to be; never so far that the curve has a pole.
  const least = { alpha: -0.25 / (largest - 1), beta: -0.25 / (largest * (largest - 1)) };
  // Over the index of the point, so that each can be divided by its own spread.
  const { parameterValues } = levenbergMarquardt(
    { x: nodes.map((_, p) => p), y: logs.map((log, p) => log / (spread[p] as number)) },
    (values) => {
      const parameters = named(values);
      return (p) => Math.log(uslThroughput(parameters, nodes[p] as number)) / (spread[p] as number);
    },
    {
      initialValues: [Math.log(from.lambda), ...free.map((name) => from[name])],
      minValues: [Number.MIN_SAFE_INTEGER, ...free.map((name) => least[name])],
      maxValues: [Number.MAX_SAFE_INTEGER, ...free.map(() => Number.MAX_SAFE_INTEGER)],
      jacobianFunction: (values) => {
        const { alpha, beta } = named(values);
        return (p) => {
          const n = nodes[p] as number;
          const s = spread[p] as number;
          const change = { alpha: n - 1, beta: n * (n - 1) };
          return [1 / s, ...free.map((name) => -change[name] / slowdown(alpha, beta, n) / s)];
        };
      },
      damping: 1e-4,
      maxIterations: start ? ITERATIONS_FROM_NEAR : ITERATIONS_FROM_FAR,
      errorTolerance: 1e-12,
    },
  );
  return named(parameterValues);
}

/** The library goes on to the last of them; after these the answer no longer changes in its sixth digit. */
const ITERATIONS_FROM_FAR = 12;
const ITERATIONS_FROM_NEAR = 5;
const NORMAL_97_5 = 1.96;

function slowdown(alpha: number, beta: number, nodes: number): number {
  return 1 + alpha * (nodes - 1) + beta * nodes * (nodes - 1);
}

function firstGuess({ nodes, logs }: Sample): UslParameters {
  const perNode = nodes.map((n, p) => Math.exp(logs[p] as number) / n);
  return { lambda: Math.max(...perNode), alpha: 0.05, beta: 0.001 };
}

function squaresOf({ nodes, logs, spread }: Sample, fit: UslParameters): number {
  return nodes.reduce(
    (sum, n, p) => sum + (((logs[p] as number) - Math.log(uslThroughput(fit, n))) / (spread[p] as number)) ** 2,
    0,
  );
}

function heldOutOf(sample: Sample): UslDeviation[] {
  const counts = [...new Set(sample.nodes)].sort((a, b) => a - b);
  return counts.flatMap((count) => {
    const indexes = sample.nodes.map((_, p) => p);
    const rest = indexes.filter((p) => sample.nodes[p] !== count);
    const pick = (values: readonly number[]) => rest.map((p) => values[p] as number);
    const fit = fitSample({ ...sample, nodes: pick(sample.nodes), logs: pick(sample.logs), spread: pick(sample.spread) });
    return deviations(
      sample,
      indexes.filter((p) => sample.nodes[p] === count),
      fit,
    );
  });
}

function deviations({ nodes, logs }: Sample, indexes: readonly number[], fit: UslParameters): UslDeviation[] {
  return indexes.map((p) => {
    const measured = Math.exp(logs[p] as number);
    const fitted = uslThroughput(fit, nodes[p] as number);
    return { nodes: nodes[p] as number, measured, fitted, errorPercent: (100 * (measured - fitted)) / fitted };
  });
}

function worstAt(all: readonly UslDeviation[], nodes: number): number {
  return Math.max(...all.filter((each) => each.nodes === nodes).map((each) => Math.abs(each.errorPercent)));
}
