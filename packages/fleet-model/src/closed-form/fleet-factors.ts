/**
 * What is not known exactly, as factors on what the data say, each with the range that the sources leave. Intervals come from drawing
 * them (Monte Carlo), all at once, and solving the fleet for each draw.
 */
import type { Random } from "../random.ts";

export interface FleetFactors {
  gpuSpeed: number;
  /** On the gain of a batch over one sequence. */
  batchGain: number;
  apiSpeed: number;
  toolTime: number;
  tokens: number;
  /** In standard deviations of the logarithm of the hub's own measured intervals. */
  hubDeviation: number;
  prices: number;
}

export const AS_GIVEN: FleetFactors = {
  gpuSpeed: 1,
  batchGain: 1,
  apiSpeed: 1,
  toolTime: 1,
  tokens: 1,
  hubDeviation: 0,
  prices: 1,
};

export interface FactorRange {
  low: number;
  high: number;
  source: string;
}

/** 95 % of the draws lie between `low` and `high`; log-normal around their geometric middle. */
export const FACTOR_RANGES: Readonly<Record<Exclude<keyof FleetFactors, "hubDeviation">, FactorRange>> = {
  gpuSpeed: {
    low: 0.9,
    high: 1.5,
    source:
      "XiongjieDai/GPU-Benchmarks-on-LLM-Inference of 2024-05: newer builds are 10 to 50 % faster; 10 % down for a warm card",
  },
  batchGain: {
    low: 0.65,
    high: 1.1,
    source:
      "serial share 0.03 to 0.17 for dense models at 4 sequences (llama.cpp benches/dgx-spark.md 2025-11-02, PR 16894), 0.4 to 0.55 on a laptop (ChimeraForge TR129, not used)",
  },
  apiSpeed: {
    low: 0.5,
    high: 1.2,
    source: "50 to 54 tokens/s in traces (TraceLab, arXiv 2606.30560), 63 to 101 from gateways for the same class of model",
  },
  toolTime: { low: 0.7, high: 1.4, source: "assumption: one team's tools against TraceLab's mean of 16.8 s" },
  tokens: {
    low: 0.6,
    high: 1.7,
    source: "assumption for a team's mean; single runs of one task differ up to 30 times (arXiv 2604.22750)",
  },
  prices: { low: 0.85, high: 1.2, source: "assumption" },
};

export function drawFactors(random: Random): FleetFactors {
  const within = (name: keyof typeof FACTOR_RANGES) => {
    const { low, high } = FACTOR_RANGES[name];
    const deviation = Math.log(high / low) / (2 * NORMAL_95TH);
    return Math.sqrt(low * high) * Math.exp(deviation * normal(random));
  };
  return {
    gpuSpeed: within("gpuSpeed"),
    batchGain: within("batchGain"),
    apiSpeed: within("apiSpeed"),
    toolTime: within("toolTime"),
    tokens: within("tokens"),
    hubDeviation: normal(random),
    prices: within("prices"),
  };
}

/** A measured number, moved by so many standard deviations within its interval, on the logarithm. */
export function movedWithin({ value, low, high }: { value: number; low: number; high: number }, deviations: number): number {
  if (!(low > 0) || !(high > low)) return value;
  const side = deviations < 0 ? Math.log(value / low) : Math.log(high / value);
  return value * Math.exp((deviations * side) / NORMAL_95TH);
}

/** Of the standard normal distribution, 97.5 %. */
const NORMAL_95TH = 1.96;

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
