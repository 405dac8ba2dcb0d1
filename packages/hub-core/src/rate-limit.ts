/** Token buckets as values, and which frame or route draws on which of the three tiers (contract §6). */

export type RateTier = "light" | "normal" | "heavy";

export interface RateLimit {
  /** Requests that may come at once. */
  capacity: number;
  /** Above 0. */
  refillPerMin: number;
}

export type RateLimits = Readonly<Record<RateTier, RateLimit>>;

/** The reference hub's defaults, as its `GET /api/admin/rate-limits` shows them. */
export const RATE_TIERS: RateLimits = {
  light: { capacity: 120, refillPerMin: 120 },
  normal: { capacity: 60, refillPerMin: 60 },
  heavy: { capacity: 10, refillPerMin: 10 },
};

/** What is left of a limit, for one agent and tier. Tokens are fractional while they refill. */
export interface TokenBucket {
  tokens: number;
  updatedAtMs: number;
}

export type TakenToken =
  | { ok: true; bucket: TokenBucket }
  /** `retryAfterMs`: the time that one whole token takes, as the recorded hub answers; always enough, sometimes too long. */
  | { ok: false; bucket: TokenBucket; retryAfterMs: number };

/** Takes one token; `bucket` undefined: a full one, at the first use. A clock that was set back refills nothing. */
export function takeToken(bucket: TokenBucket | undefined, limit: RateLimit, nowMs: number): TakenToken {
  const elapsedMs = bucket ? Math.max(0, nowMs - bucket.updatedAtMs) : 0;
  const before = bucket ? bucket.tokens : limit.capacity;
  const tokens = Math.min(limit.capacity, before + (elapsedMs * limit.refillPerMin) / MINUTE_MS);
  if (tokens < 1) {
    return { ok: false, bucket: { tokens, updatedAtMs: nowMs }, retryAfterMs: Math.ceil(MINUTE_MS / limit.refillPerMin) };
  }
  return { ok: true, bucket: { tokens: tokens - 1, updatedAtMs: nowMs } };
}

const MINUTE_MS = 60_000;

/** The tier of a WebSocket frame, by its `type`. Unknown types count as normal. */
export function rateTierOfFrame(type: string): RateTier {
  switch (type) {
    case "ping":
    case "list_agents":
    case "status":
      return "light";
    case "identify":
      return "heavy";
    default:
      return "normal";
  }
}

/** The tier of an HTTP request. `path` with or without its query. */
export function rateTierOfRoute(method: string, path: string): RateTier {
  if (method === "GET" || method === "HEAD") return "light";
  const route = path.split("?", 1)[0];
  return method === "POST" && (route === "/api/tasks" || route === "/api/onboard/register") ? "heavy" : "normal";
}
