/** Rate limits of the Claude API by tier, and speeds by model, as data. Sources: parameters.md B. */
import type { Distribution } from "./random.ts";

/** Per organisation and class of models. */
export interface ClaudeLimits {
  requestsPerMin: number;
  /** Uncached input and cache writes; cache reads are free. */
  inputTokensPerMin: number;
  outputTokensPerMin: number;
}

/** Models of one class share their limits. */
export type ClaudeClass = "sonnet-opus" | "haiku";

export type ClaudeTier = Readonly<Record<ClaudeClass, ClaudeLimits>>;

const limits = (requestsPerMin: number, inputTokensPerMin: number, outputTokensPerMin: number): ClaudeLimits => ({
  requestsPerMin,
  inputTokensPerMin,
  outputTokensPerMin,
});

/**
 * `tier-1` to `tier-4`: the scheme until early 2026 (a repository's copy of the vendor's page). `start` and `scale`: the scheme of
 * October 2026, whose only figures found are for Claude Fable 5 (developersdigest.tech, weak); they stand for both classes here.
 */
export const CLAUDE_TIERS: Readonly<Record<string, ClaudeTier>> = {
  "tier-1": { "sonnet-opus": limits(50, 30_000, 8_000), haiku: limits(50, 50_000, 10_000) },
  "tier-2": { "sonnet-opus": limits(1_000, 450_000, 90_000), haiku: limits(1_000, 450_000, 90_000) },
  "tier-3": { "sonnet-opus": limits(2_000, 800_000, 160_000), haiku: limits(2_000, 1_000_000, 200_000) },
  "tier-4": { "sonnet-opus": limits(4_000, 2_000_000, 400_000), haiku: limits(4_000, 4_000_000, 800_000) },
  start: { "sonnet-opus": limits(1_000, 500_000, 100_000), haiku: limits(1_000, 500_000, 100_000) },
  scale: { "sonnet-opus": limits(4_000, 4_000_000, 800_000), haiku: limits(4_000, 4_000_000, 800_000) },
};

export interface ClaudeModel {
  id: string;
  class: ClaudeClass;
  /** Time to the first token of a prompt that is cached or short. */
  ttftMs: Distribution;
  tokensPerSec: Distribution;
}

/**
 * Spread of the time to first token (standard deviation of the logarithm). An assumption: the sources give single figures. With it
 * the 90th percentile is 1.9 times the median.
 */
const TTFT_SIGMA = 0.5;

/** Spread of the token rate. An assumption: with it nine of ten answers lie within a factor of 1.5. */
const RATE_SIGMA = 0.25;

function model(id: string, { ttftSec, tokensPerSec }: { ttftSec: number; tokensPerSec: number }): ClaudeModel {
  return {
    id,
    class: id.includes("haiku") ? "haiku" : "sonnet-opus",
    ttftMs: { kind: "lognormal", median: ttftSec * 1_000, sigma: TTFT_SIGMA },
    tokensPerSec: { kind: "lognormal", median: tokensPerSec, sigma: RATE_SIGMA },
  };
}

/** For ranges the middle. No figures were found for the 5.5 models. */
export const CLAUDE_MODELS: readonly ClaudeModel[] = [
  // vercel.com/ai-gateway, median of 2026.
  model("claude-sonnet-5", { ttftSec: 0.9, tokensPerSec: 101 }),
  // Artificial Analysis of 2025-11, quoted.
  model("claude-sonnet-4-5", { ttftSec: 1.8, tokensPerSec: 63 }),
  model("claude-opus-4-1", { ttftSec: 2.7, tokensPerSec: 45 }),
  // callsphere 2026-04: 50 to 90 tokens/s, 0.5 to 0.8 s.
  model("claude-opus-4-7", { ttftSec: 0.65, tokensPerSec: 70 }),
  // lmspeed.net: 97 to 112 tokens/s, 0.9 to 1.7 s.
  model("claude-haiku-4-5", { ttftSec: 1.3, tokensPerSec: 105 }),
];

/** By id, with or without the date that snapshots carry (claude-sonnet-4-5-20250929). */
export function claudeModel(id: string): ClaudeModel | undefined {
  const undated = id.replace(/-\d{8}$/, "");
  return CLAUDE_MODELS.find((known) => known.id === undated);
}

/**
 * Input that is not in the cache adds to the time to first token. A vendor's example of 2024-08: a prompt of 100,000 tokens takes
 * 11.5 s to the first token uncached and 2.4 s cached, so about 11,000 tokens/s.
 */
export const UNCACHED_INPUT_TOKENS_PER_SEC = 100_000 / (11.5 - 2.4);
