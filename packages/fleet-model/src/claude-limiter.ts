/** Rate limits as the Claude API applies them (parameters.md B, "Limits"): three token buckets, refilled continuously. */
import type { ClaudeLimits } from "./claude-tiers.ts";
import { TokenBucket } from "./token-bucket.ts";

export type LimitName = "requests" | "input-tokens" | "output-tokens";

export interface Demand {
  /** Input that is not read from the cache: uncached and cache writes. */
  inputTokens: number;
  /** max_tokens of the request. */
  maxOutputTokens: number;
}

export type LimiterDecision =
  | { ok: true; reservedOutputTokens: number }
  /** 429. `retryAfterMs` is Infinity for a request that the limit can never admit. */
  | { ok: false; limit: LimitName; retryAfterMs: number };

export interface LimitState {
  limit: number;
  /** At least 0. */
  remaining: number;
  /** Until it is full again. */
  resetMs: number;
}

export class ClaudeLimiter {
  private readonly buckets: Readonly<Record<LimitName, TokenBucket>>;

  constructor(limits: ClaudeLimits, nowMs: number) {
    const perMin = (capacity: number) => new TokenBucket({ capacity, refillPerSec: capacity / 60 }, nowMs);
    this.buckets = {
      requests: perMin(limits.requestsPerMin),
      "input-tokens": perMin(limits.inputTokensPerMin),
      "output-tokens": perMin(limits.outputTokensPerMin),
    };
  }

  /**
   * Takes from all three buckets or from none. Output is reserved from max_tokens and settled at the end. A max_tokens beyond the
   * whole bucket reserves the whole bucket: an inference, since clients with max_tokens 32,000 do work at 8,000 tokens a minute.
   */
  admit(demand: Demand, nowMs: number): LimiterDecision {
    const reservedOutputTokens = Math.min(demand.maxOutputTokens, this.buckets["output-tokens"].capacity);
    const wanted: Record<LimitName, number> = {
      requests: 1,
      "input-tokens": demand.inputTokens,
      "output-tokens": reservedOutputTokens,
    };
    let slowest: { limit: LimitName; retryAfterMs: number } | undefined;
    for (const limit of LIMIT_NAMES) {
      const retryAfterMs = this.buckets[limit].msUntil(wanted[limit], nowMs);
      if (retryAfterMs > ROUNDING_MS && retryAfterMs > (slowest?.retryAfterMs ?? 0)) slowest = { limit, retryAfterMs };
    }
    if (slowest) return { ok: false, ...slowest };
    for (const limit of LIMIT_NAMES) this.buckets[limit].charge(wanted[limit], nowMs);
    return { ok: true, reservedOutputTokens };
  }

  /** The answer has ended: what it did not use goes back. */
  settle(reservedOutputTokens: number, outputTokens: number, nowMs: number): void {
    const bucket = this.buckets["output-tokens"];
    if (outputTokens > reservedOutputTokens) bucket.charge(outputTokens - reservedOutputTokens, nowMs);
    else bucket.giveBack(reservedOutputTokens - outputTokens, nowMs);
  }

  state(limit: LimitName, nowMs: number): LimitState {
    const bucket = this.buckets[limit];
    const remaining = Math.max(0, bucket.levelAt(nowMs));
    return { limit: bucket.capacity, remaining, resetMs: bucket.msUntil(bucket.capacity, nowMs) };
  }
}

export const LIMIT_NAMES: readonly LimitName[] = ["requests", "input-tokens", "output-tokens"];

/** Who waits as long as it was told must be admitted, although the sums round. */
const ROUNDING_MS = 1e-3;
