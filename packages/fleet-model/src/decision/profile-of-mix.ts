/** The means of a mix of work, for the closed form. */
import { CACHE_TTL_MS } from "../prompt-cache.ts";
import { draw, type Distribution, meanOf, seededRandom } from "../random.ts";
import type { WorkMix } from "../work-mix.ts";
import { DEFAULT_PROFILE } from "./default-profile.ts";
import type { TaskProfile } from "./task-profile.ts";

const GB = 1e9;
const DRAWS = 40_000;

/** What the mix does not have keeps the default, with a share of 0. */
export function profileOf(mix: WorkMix, framesPerSec: number): TaskProfile {
  const { trivial, standard, complex } = mix;
  const base = DEFAULT_PROFILE;
  const rounds = standard && countsOf(standard.rounds);
  const steps = complex && countsOf(complex.steps);
  return {
    shares: { trivial: trivial?.share ?? 0, standard: standard?.share ?? 0, complex: complex?.share ?? 0 },
    trivial: trivial
      ? { cpuSec: meanOf(trivial.cpuMs) / 1_000, waitSec: meanOf(trivial.waitMs) / 1_000, ramGb: trivial.ramBytes / GB }
      : base.trivial,
    standard:
      standard && rounds
        ? {
            rounds: rounds.mean,
            earlierRounds: rounds.earlier,
            promptTokens: meanOf(standard.promptTokens),
            appendedTokens: meanOf(standard.appendedTokens),
            outputTokens: meanOf(standard.outputTokens),
            toolSec: meanOf(standard.toolMs) / 1_000,
            toolCpuShare: standard.toolCpuShare,
            ramGb: standard.ramBytes / GB,
          }
        : base.standard,
    complex:
      complex && steps
        ? {
            steps: steps.mean,
            earlierSteps: steps.earlier,
            forgottenShare: shareAbove(complex.toolMs, CACHE_TTL_MS["5m"]),
            contextTokens: meanOf(complex.contextTokens),
            tasksPerSession: complex.tasksPerSession,
            appendedTokens: meanOf(complex.appendedTokens),
            outputTokens: cutMean(complex.outputTokens, complex.maxTokens),
            toolSec: meanOf(complex.toolMs) / 1_000,
            toolCpuShare: complex.toolCpuShare,
            ramGb: complex.ramBytes / GB,
            maxTokens: complex.maxTokens,
          }
        : base.complex,
    framesPerSec,
    variation: {
      tool: standard ? variationOf(standard.toolMs) : base.variation.tool,
      tokens: standard ? variationOf(standard.outputTokens) : base.variation.tokens,
    },
  };
}

/** Variance over the square of the mean. */
function variationOf(distribution: Distribution): number {
  switch (distribution.kind) {
    case "constant":
      return 0;
    case "exponential":
      return 1;
    case "lognormal":
      return Math.exp(distribution.sigma ** 2) - 1;
  }
}

/** Rounded, and at least one, as a task's plan draws them. */
function countsOf(distribution: Distribution): { mean: number; earlier: number } {
  const counts = sample(distribution).map((value) => Math.max(1, Math.round(value)));
  const sum = counts.reduce((total, count) => total + count, 0);
  const pairs = counts.reduce((total, count) => total + (count * (count - 1)) / 2, 0);
  return { mean: sum / counts.length, earlier: pairs / sum };
}

function shareAbove(distribution: Distribution, limit: number): number {
  const values = sample(distribution);
  return values.filter((value) => value > limit).length / values.length;
}

function cutMean(distribution: Distribution, most: number): number {
  const values = sample(distribution);
  return values.reduce((sum, value) => sum + Math.min(value, most), 0) / values.length;
}

function sample(distribution: Distribution): number[] {
  if (distribution.kind === "constant") return [distribution.value];
  const random = seededRandom(1);
  return Array.from({ length: DRAWS }, () => draw(distribution, random));
}
