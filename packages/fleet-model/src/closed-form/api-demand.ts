/** What a complex task asks of the Claude API and of the line to it. Sources: parameters in claude-tiers.ts and agent-workload.ts. */
import { CHARACTERS_PER_TOKEN, COMMON_PROMPT_TOKENS } from "../agent-workload.ts";
import { CLAUDE_TIERS, type ClaudeLimits, claudeModel, UNCACHED_INPUT_TOKENS_PER_SEC } from "../claude-tiers.ts";
import type { ApiShape } from "../decision/fleet-shape.ts";
import type { ComplexProfile } from "../decision/task-profile.ts";
import { NETWORK_PATHS, wireBytes } from "../network-path.ts";
import { type Distribution, meanOf } from "../random.ts";
import { AS_GIVEN, type FleetFactors } from "./fleet-factors.ts";

export interface ApiDemand {
  limits: ClaudeLimits;
  /** Per step, means. */
  uncachedTokens: number;
  outputTokens: number;
  /** Reserved from the output limit while a step runs. */
  reservedTokens: number;
  /** From the request to the end of the answer. */
  stepMs: number;
  /** Of it, the answer streams. */
  streamMs: number;
  /** On the site's line, outwards. */
  upBytes: number;
}

export function apiDemand(api: ApiShape, work: ComplexProfile, factors: FleetFactors = AS_GIVEN): ApiDemand {
  const model = claudeModel(api.model);
  const limits = model && CLAUDE_TIERS[api.tier]?.[model.class];
  if (!model || !limits) throw new Error(`no API tier '${api.tier}' or no model '${api.model}'`);
  const outputTokens = Math.min(work.outputTokens * factors.tokens, work.maxTokens);
  const appended = work.appendedTokens * factors.tokens;
  const context = work.contextTokens * factors.tokens;
  const promptTokens = context + appended + work.earlierSteps * (appended + outputTokens);
  const laterShare = (work.steps - 1) / work.steps;
  // Later steps find all but the last answer and what was added, unless it was forgotten; one task of a session writes the context.
  // What all prompts begin with is in the cache as long as anybody works.
  const own = (tokens: number) => Math.max(0, tokens - COMMON_PROMPT_TOKENS);
  const uncachedTokens =
    appended +
    outputTokens * laterShare +
    own(context) / work.tasksPerSession / work.steps +
    laterShare * work.forgottenShare * own(promptTokens);
  const streamMs = outputTokens * meanOfInverse(model.tokensPerSec) * 1_000;
  const waitMs = meanOf(model.ttftMs) + (uncachedTokens / UNCACHED_INPUT_TOKENS_PER_SEC) * 1_000;
  return {
    limits,
    uncachedTokens,
    outputTokens,
    reservedTokens: Math.min(work.maxTokens, limits.outputTokensPerMin),
    stepMs: (waitMs + streamMs) / factors.apiSpeed,
    streamMs: streamMs / factors.apiSpeed,
    upBytes: wireBytes(promptTokens * CHARACTERS_PER_TOKEN, NETWORK_PATHS.plain),
  };
}

/** Of 1 / X, where sizes over rates are wanted; for a log-normal X: exp(sigma² / 2) / median. */
function meanOfInverse(distribution: Distribution): number {
  if (distribution.kind !== "lognormal") return 1 / meanOf(distribution);
  return Math.exp(distribution.sigma ** 2 / 2) / distribution.median;
}
