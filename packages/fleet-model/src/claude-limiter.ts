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
  private readonly requests: TokenBucket;
  private readonly input: TokenBucket;
  private readonly output: TokenBucket;

  constructor(limits: ClaudeLimits, nowMs: number) {
    const perMin = (capacity: number) => new TokenBucket({ capacity, refillPerSec: capacity / 60 }, nowMs);
    this.requests = perMin(limits.requestsPerMin);
    this.input = perMin(limits.inputTokensPerMin);
    this.output = perMin(limits.outputTokensPerMin);
  }

  /**
   * Takes from all three buckets or from none. Output is reserved from max_tokens and settled at the end. A max_tokens beyond the
   * whole bucket reserves the whole bucket: an inference, since clients with max_tokens 32,000 do work at 8,000 tokens a minute.
   */
  admit(demand: Demand, nowMs: number): LimiterDecision {
    const { requests, input, output } = this;
    const reservedOutputTokens = Math.min(demand.maxOutputTokens, output.capacity);
    const requestsMs = requests.msUntil(1, nowMs);
    const inputMs = input.msUntil(demand.inputTokens, nowMs);
    const outputMs = output.msUntil(reservedOutputTokens, nowMs);
    const retryAfterMs = Math.max(requestsMs, inputMs, outputMs);
    if (retryAfterMs > ROUNDING_MS) {
      const limit = retryAfterMs === requestsMs ? "requests" : retryAfterMs === inputMs ? "input-tokens" : "output-tokens";
      return { ok: false, limit, retryAfterMs };
    }
    requests.charge(1, nowMs);
    input.charge(demand.inputTokens, nowMs);
    output.charge(reservedOutputTokens, nowMs);
    return { ok: true, reservedOutputTokens };
  }

  /** The answer has ended: what it did not use goes back. */
  settle(reservedOutputTokens: number, outputTokens: number, nowMs: number): void {
    if (outputTokens > reservedOutputTokens) this.output.charge(outputTokens - reservedOutputTokens, nowMs);
    else this.output.giveBack(reservedOutputTokens - outputTokens, nowMs);
  }

  state(limit: LimitName, nowMs: number): LimitState {
    const bucket = { requests: this.requests, "input-tokens": this.input, "output-tokens": this.output }[limit];
    const remaining = Math.max(0, bucket.levelAt(nowMs));
    return { limit: bucket.capacity, remaining, resetMs: bucket.msUntil(bucket.capacity, nowMs) };
  }
}

export const LIMIT_NAMES: readonly LimitName[] = ["requests", "input-tokens", "output-tokens"];

/** Who waits as long as it was told must be admitted, although the sums round. */
const ROUNDING_MS = 1e-3;
