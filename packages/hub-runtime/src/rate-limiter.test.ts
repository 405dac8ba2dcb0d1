import { expect, test } from "vitest";
import { RateLimiter } from "./rate-limiter.ts";
import { ManualClock } from "./testing/manual-clock.ts";

const TIGHT = {
  defaults: {
    light: { capacity: 120, refillPerMin: 120 },
    normal: { capacity: 60, refillPerMin: 60 },
    heavy: { capacity: 10, refillPerMin: 10 },
  },
  overrides: { vip: { heavy: { capacity: 20, refillPerMin: 20 } } },
  whitelist: ["root"],
};

function admitted(limiter: RateLimiter, side: "ws" | "http", caller: string, tries: number): number {
  let count = 0;
  for (let n = 0; n < tries; n++) if (limiter.admit(side, caller, "heavy").ok) count++;
  return count;
}

test("each caller, tier and side has a bucket of its own", () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter(TIGHT, () => clock.nowMs());
  expect(admitted(limiter, "http", "a", 15)).toBe(10);
  expect(admitted(limiter, "ws", "a", 15)).toBe(10);
  expect(admitted(limiter, "http", "b", 15)).toBe(10);
  expect(limiter.admit("http", "a", "light").ok).toBe(true);
  expect(limiter.admit("http", "a", "heavy")).toEqual({ ok: false, tier: "heavy", retryAfterMs: 6_000 });
  clock.advance(6_000);
  expect(limiter.admit("http", "a", "heavy").ok).toBe(true);
});

test("overrides, whitelist and off", () => {
  const limiter = new RateLimiter(TIGHT, () => 0);
  expect(admitted(limiter, "http", "vip", 30)).toBe(20);
  expect(admitted(limiter, "http", "root", 30)).toBe(30);
  expect(admitted(new RateLimiter("off", () => 0), "http", "a", 30)).toBe(30);
  expect(admitted(new RateLimiter("reference", () => 0), "http", "a", 30)).toBe(10);
});

test("a caller is warned once when its bucket runs low", () => {
  const limiter = new RateLimiter("reference", () => 0);
  const warnings = [];
  for (let n = 0; n < 60; n++) {
    const admission = limiter.admit("ws", "a", "normal");
    if (admission.ok && admission.remaining !== undefined) warnings.push([n, admission.remaining]);
  }
  expect(warnings).toEqual([[54, 5]]);
});

test("a sweep forgets full buckets only", () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter(TIGHT, () => clock.nowMs());
  admitted(limiter, "ws", "an agent with spaces", 10);
  clock.advance(30_000);
  limiter.sweep();
  expect(admitted(limiter, "ws", "an agent with spaces", 10)).toBe(5);
});
