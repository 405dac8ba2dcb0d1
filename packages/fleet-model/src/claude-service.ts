/** The Claude API as one organisation sees it: limits by class of model, prompt cache, overload, and how fast an answer comes. */
import { ClaudeLimiter, type Demand, type LimitName, type LimitState, LIMIT_NAMES } from "./claude-limiter.ts";
import { type ClaudeClass, type ClaudeModel, type ClaudeTier, UNCACHED_INPUT_TOKENS_PER_SEC } from "./claude-tiers.ts";
import { type CacheUse, type Prefix, PromptCache } from "./prompt-cache.ts";
import { draw, type Random } from "./random.ts";

export interface ClaudeServiceOptions {
  tier: ClaudeTier;
  /** 0 to 1: the share of requests that are turned away with 529, since the service is overloaded for everybody. */
  overloadedShare: number;
  random: Random;
}

export interface ClaudeRequest {
  model: ClaudeModel;
  /** The whole prompt. */
  inputTokens: number;
  maxOutputTokens: number;
  /** For the cache, from the shortest to the longest; empty: nothing is marked. */
  prefixes: readonly Prefix[];
}

export interface ClaudeAnswer {
  model: ClaudeModel;
  cache: CacheUse;
  /** Neither read from the cache nor written to it. */
  uncachedInputTokens: number;
  ttftMs: number;
  tokensPerSec: number;
  reservedOutputTokens: number;
}

export type ClaudeOutcome =
  | { ok: true; answer: ClaudeAnswer }
  /** 529. */
  | { ok: false; refusal: "overloaded" }
  /** 429. */
  | { ok: false; refusal: "rate_limited"; limit: LimitName; retryAfterMs: number };

export class ClaudeService {
  private readonly options: ClaudeServiceOptions;
  private readonly limiters: Readonly<Record<ClaudeClass, ClaudeLimiter>>;
  private readonly cache = new PromptCache();

  constructor(options: ClaudeServiceOptions, nowMs: number) {
    this.options = options;
    this.limiters = {
      "sonnet-opus": new ClaudeLimiter(options.tier["sonnet-opus"], nowMs),
      haiku: new ClaudeLimiter(options.tier.haiku, nowMs),
    };
  }

  begin(request: ClaudeRequest, nowMs: number): ClaudeOutcome {
    const { overloadedShare, random } = this.options;
    if (overloadedShare > 0 && random() < overloadedShare) return { ok: false, refusal: "overloaded" };
    const cache = this.cache.look(request.prefixes, nowMs);
    const demand: Demand = {
      inputTokens: request.inputTokens - cache.readTokens,
      maxOutputTokens: request.maxOutputTokens,
    };
    const decision = this.limiters[request.model.class].admit(demand, nowMs);
    if (!decision.ok) {
      return { ok: false, refusal: "rate_limited", limit: decision.limit, retryAfterMs: decision.retryAfterMs };
    }
    this.cache.keep(request.prefixes, nowMs);
    return {
      ok: true,
      answer: {
        model: request.model,
        cache,
        uncachedInputTokens: demand.inputTokens - cache.writtenTokens,
        ttftMs: draw(request.model.ttftMs, random) + (demand.inputTokens / UNCACHED_INPUT_TOKENS_PER_SEC) * 1_000,
        tokensPerSec: draw(request.model.tokensPerSec, random),
        reservedOutputTokens: decision.reservedOutputTokens,
      },
    };
  }

  /** The answer has ended, or its client is gone. */
  end(answer: ClaudeAnswer, outputTokens: number, nowMs: number): void {
    this.limiters[answer.model.class].settle(answer.reservedOutputTokens, outputTokens, nowMs);
  }

  limits(modelClass: ClaudeClass, nowMs: number): Record<LimitName, LimitState> {
    const limiter = this.limiters[modelClass];
    return Object.fromEntries(LIMIT_NAMES.map((name) => [name, limiter.state(name, nowMs)])) as Record<LimitName, LimitState>;
  }
}
