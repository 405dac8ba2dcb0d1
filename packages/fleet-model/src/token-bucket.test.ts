import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

describe("TokenBucket", () => {
  it("is refilled continuously: 60 a minute are one a second", () => {
    const bucket = new TokenBucket({ capacity: 60, refillPerSec: 1 }, 0);
    expect(bucket.take(60, 0)).toBe(true);
    expect(bucket.take(1, 999)).toBe(false);
    expect(bucket.take(1, 1_000)).toBe(true);
    expect(bucket.msUntil(2, 1_000)).toBeCloseTo(2_000, 6);
    expect(bucket.msUntil(61, 1_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it("pays off what was charged beyond its level", () => {
    const bucket = new TokenBucket({ capacity: 10, refillPerSec: 10 }, 0);
    bucket.charge(30, 0);
    expect(bucket.levelAt(1_000)).toBeCloseTo(-10, 9);
    expect(bucket.msUntil(5, 1_000)).toBeCloseTo(1_500, 6);
  });

  it("never gives more than capacity + refill × time, never holds more than its capacity, and keeps its promises", () => {
    const step = fc.record({ gapMs: fc.integer({ min: 0, max: 5_000 }), amount: fc.integer({ min: 1, max: 120 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(step),
        (capacity, refillPerSec, steps) => {
          const bucket = new TokenBucket({ capacity, refillPerSec }, 0);
          let nowMs = 0;
          let taken = 0;
          for (const { gapMs, amount } of steps) {
            nowMs += gapMs;
            const waitMs = bucket.msUntil(amount, nowMs);
            expect(waitMs === Number.POSITIVE_INFINITY).toBe(amount > capacity);
            if (amount <= capacity) nowMs += waitMs;
            expect(bucket.take(amount, nowMs)).toBe(amount <= capacity);
            if (amount <= capacity) taken += amount;
            expect(taken).toBeLessThanOrEqual(capacity + (nowMs / 1_000) * refillPerSec + 1e-3);
            expect(bucket.levelAt(nowMs)).toBeLessThanOrEqual(capacity);
            expect(bucket.levelAt(nowMs)).toBeGreaterThanOrEqual(-1e-5);
          }
        },
      ),
    );
  });

  it("gives back to its capacity at most", () => {
    const bucket = new TokenBucket({ capacity: 10, refillPerSec: 1 }, 0);
    bucket.take(4, 0);
    bucket.giveBack(100, 0);
    expect(bucket.levelAt(0)).toBe(10);
  });
});
