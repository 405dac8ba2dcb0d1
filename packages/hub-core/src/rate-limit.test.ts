import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RATE_TIERS, rateTierOfFrame, rateTierOfRoute, takeToken, type TokenBucket } from "./rate-limit.ts";

const HEAVY = RATE_TIERS.heavy;

describe("token bucket", () => {
  it("lets a full bucket through at once, then answers as recorded", () => {
    let bucket: TokenBucket | undefined;
    for (let request = 0; request < 10; request++) {
      const taken = takeToken(bucket, HEAVY, 1_000 + request);
      expect(taken.ok).toBe(true);
      bucket = taken.bucket;
    }
    for (let request = 10; request < 20; request++) {
      const taken = takeToken(bucket, HEAVY, 1_000 + request);
      expect(taken).toMatchObject({ ok: false, retryAfterMs: 6_000 });
      bucket = taken.bucket;
    }
    expect(takeToken(bucket, HEAVY, 7_001).ok).toBe(true);
  });

  it("holds no more than its capacity after a long rest", () => {
    const { bucket } = takeToken(undefined, HEAVY, 0);
    expect(takeToken(bucket, HEAVY, 3_600_000).bucket.tokens).toBe(9);
  });

  it("refills nothing while the clock runs backwards", () => {
    const empty = { tokens: 0, updatedAtMs: 10_000 };
    const back = takeToken(empty, HEAVY, 1_000);
    expect(back).toMatchObject({ ok: false, bucket: { tokens: 0 } });
    expect(takeToken(back.bucket, HEAVY, 7_000).ok).toBe(true);
  });

  it("never grants more than capacity and refill, and always what it promised after the wait", () => {
    const limit = fc.record({ capacity: fc.integer({ min: 1, max: 20 }), refillPerMin: fc.integer({ min: 1, max: 600 }) });
    fc.assert(
      fc.property(limit, fc.array(fc.nat(5_000), { maxLength: 80 }), (limit, gapsMs) => {
        let nowMs = 0;
        let granted = 0;
        let bucket: TokenBucket | undefined;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          const taken = takeToken(bucket, limit, nowMs);
          bucket = taken.bucket;
          granted += taken.ok ? 1 : 0;
          const waitMs = taken.ok ? 60_000 : taken.retryAfterMs;
          expect(takeToken(taken.bucket, limit, nowMs + waitMs).ok).toBe(true);
        }
        expect(granted).toBeLessThanOrEqual(limit.capacity + (nowMs * limit.refillPerMin) / 60_000 + 1e-6);
      }),
    );
  });
});

describe("tiers", () => {
  it("are the recorded defaults", () => {
    expect(RATE_TIERS).toEqual({
      light: { capacity: 120, refillPerMin: 120 },
      normal: { capacity: 60, refillPerMin: 60 },
      heavy: { capacity: 10, refillPerMin: 10 },
    });
  });

  it.each([
    ["ping", "light"],
    ["list_agents", "light"],
    ["status", "light"],
    ["message", "normal"],
    ["task_progress", "normal"],
    ["task_complete", "normal"],
    ["nope", "normal"],
    ["identify", "heavy"],
  ])("frame %s is %s", (type, tier) => {
    expect(rateTierOfFrame(type)).toBe(tier);
  });

  it.each([
    ["GET", "/api/tasks?status=queued", "light"],
    ["HEAD", "/health", "light"],
    ["POST", "/api/tasks", "heavy"],
    ["POST", "/api/tasks?x=1", "heavy"],
    ["POST", "/api/onboard/register", "heavy"],
    ["POST", "/api/tasks/task-1/cancel", "normal"],
    ["DELETE", "/api/admin/llm-registry/gpu:11434", "normal"],
  ])("%s %s is %s", (method, path, tier) => {
    expect(rateTierOfRoute(method, path)).toBe(tier);
  });
});
