/** Rate limits of this node: one bucket for each caller, tier and side (WebSocket and HTTP apart). */
import { RATE_TIERS, type RateLimit, type RateLimits, type RateTier, takeToken, type TokenBucket } from "@hubscale/hub-core";

export interface RateLimitSettings {
  defaults: RateLimits;
  /** By agent id; a tier that is not named keeps its default. */
  overrides: Record<string, Partial<RateLimits>>;
  /** Agent ids that are not limited. */
  whitelist: string[];
}

export const REFERENCE_RATE_LIMITS: RateLimitSettings = { defaults: RATE_TIERS, overrides: {}, whitelist: [] };

export type Admission =
  /** `remaining`: set when the caller should be warned, once for each time that the bucket runs low. */
  { ok: true; remaining?: number } | { ok: false; tier: RateTier; retryAfterMs: number };

export class RateLimiter {
  readonly settings: RateLimitSettings;
  readonly isEnabled: boolean;
  readonly #whitelist: ReadonlySet<string>;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limits: "off" | "reference" | RateLimitSettings, nowMs: () => number) {
    this.isEnabled = limits !== "off";
    this.settings = typeof limits === "string" ? REFERENCE_RATE_LIMITS : limits;
    this.#whitelist = new Set(this.settings.whitelist);
    this.#nowMs = nowMs;
  }

  /** `caller`: an agent id, or an address where there is none. */
  admit(side: "ws" | "http", caller: string, tier: RateTier): Admission {
    if (!this.isEnabled || this.#whitelist.has(caller)) return { ok: true };
    const limit = this.#limitOf(caller, tier);
    const key = `${side} ${tier} ${caller}`;
    const before = this.#buckets.get(key);
    const taken = takeToken(before, limit, this.#nowMs());
    this.#buckets.set(key, taken.bucket);
    if (!taken.ok) return { ok: false, tier, retryAfterMs: taken.retryAfterMs };
    const low = limit.capacity * LOW_SHARE;
    const isLow = taken.bucket.tokens < low && (before === undefined || before.tokens >= low);
    return isLow ? { ok: true, remaining: Math.floor(taken.bucket.tokens) } : { ok: true };
  }

  /** Forgets the buckets that are full again. To be called about once a minute. */
  sweep(): void {
    const nowMs = this.#nowMs();
    for (const [key, bucket] of this.#buckets) {
      const [, tier, caller] = splitKey(key);
      const { capacity, refillPerMin } = this.#limitOf(caller, tier);
      if (bucket.tokens + ((nowMs - bucket.updatedAtMs) * refillPerMin) / 60_000 >= capacity) this.#buckets.delete(key);
    }
  }

  /** As `GET /api/admin/rate-limits` shows it. */
  describe(): unknown {
    const shown = (limits: Partial<RateLimits>) =>
      Object.fromEntries(
        Object.entries(limits).map(([tier, limit]) => [
          tier,
          { capacity: limit.capacity, refill_rate_per_min: limit.refillPerMin },
        ]),
      );
    return {
      enabled: this.isEnabled,
      defaults: shown(this.settings.defaults),
      overrides: Object.fromEntries(
        Object.entries(this.settings.overrides).map(([agentId, limits]) => [agentId, shown(limits)]),
      ),
      whitelist: this.settings.whitelist,
    };
  }

  #limitOf(caller: string, tier: RateTier): RateLimit {
    return this.settings.overrides[caller]?.[tier] ?? this.settings.defaults[tier];
  }
}

/** Below this share of its bucket a caller is warned. */
const LOW_SHARE = 0.1;

function splitKey(key: string): [side: string, tier: RateTier, caller: string] {
  const first = key.indexOf(" ");
  const second = key.indexOf(" ", first + 1);
  return [key.slice(0, first), key.slice(first + 1, second) as RateTier, key.slice(second + 1)];
}
