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
