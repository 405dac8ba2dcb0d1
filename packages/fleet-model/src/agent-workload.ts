/** What agents ask of models, as found in the wild: TraceLab (arXiv 2606.30560, 2026-06-29), parameters.md B, "Workload". */
import type { Distribution } from "./random.ts";

/** Cached tokens that a step brings along: median 126 k, 99th percentile 918 k (Claude), so sigma = ln(918 / 126) / 2.326. */
export const STEP_PREFIX_TOKENS: Distribution = { kind: "lognormal", median: 126_000, sigma: 0.854 };

/** Output of a step: median 252, mean 523, so sigma = sqrt(2 ln(523 / 252)). */
export const STEP_OUTPUT_TOKENS: Distribution = { kind: "lognormal", median: 252, sigma: 1.208 };

/** New input of a step, median. */
export const STEP_APPENDED_TOKENS = 857;

/** A tool call: median 0.3 s, mean 16.8 s, so sigma = sqrt(2 ln(16.8 / 0.3)); the 90th percentile comes out at 11.4 s (found: 13.6). */
export const TOOL_MS: Distribution = { kind: "lognormal", median: 300, sigma: 2.837 };

/** Text per token, both ways: an approximation for English and code. */
export const CHARACTERS_PER_TOKEN = 4;

/**
 * What every request of a coding agent begins with, in tokens: tools 12.4 to 13.0 k and system 2.8 to 4.2 k (traces of Claude Code,
 * semianalysis cc-traces-weka-042026); the middles. The API's cache knows it as long as any agent of the organisation works.
 */
export const TOOLS_TOKENS = 12_700;
export const SYSTEM_TOKENS = 3_500;
export const COMMON_PROMPT_TOKENS = TOOLS_TOKENS + SYSTEM_TOKENS;
