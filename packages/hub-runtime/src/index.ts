export * from "./behaviour.ts";
export * from "./hub-edge-options.ts";
export * from "./hub-edge.ts";
export * from "./ports.ts";
export { rateLimitsOf } from "./rate-limit-file.ts";
export { REFERENCE_RATE_LIMITS, type RateLimitSettings } from "./rate-limiter.ts";
export * from "./system-clock.ts";
export { hashOfToken } from "./token-check.ts";
