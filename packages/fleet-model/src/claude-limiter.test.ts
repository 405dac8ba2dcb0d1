import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClaudeLimiter } from "./claude-limiter.ts";
import { CLAUDE_TIERS, type ClaudeClass } from "./claude-tiers.ts";

const limitsOf = (tier: string, modelClass: ClaudeClass = "sonnet-opus") => {
  const found = CLAUDE_TIERS[tier]?.[modelClass];
  if (!found) throw new Error(`no tier ${tier}`);
  return found;
};

describe("ClaudeLimiter", () => {
  it("enforces 60 requests a minute as one a second", () => {
    const limiter = new ClaudeLimiter({ requestsPerMin: 60, inputTokensPerMin: 1e6, outputTokensPerMin: 1e6 }, 0);
    for (let i = 0; i < 60; i++) expect(limiter.admit({ inputTokens: 1, maxOutputTokens: 1 }, 0).ok).toBe(true);
    const refused = limiter.admit({ inputTokens: 1, maxOutputTokens: 1 }, 0);
    expect(refused).toMatchObject({ ok: false, limit: "requests", retryAfterMs: expect.closeTo(1_000, 3) });
    expect(limiter.admit({ inputTokens: 1, maxOutputTokens: 1 }, 1_000).ok).toBe(true);
  });

  it("names the limit that is longest in the way, and takes nothing from the others", () => {
    const limiter = new ClaudeLimiter(limitsOf("tier-1"), 0);
    expect(limiter.admit({ inputTokens: 30_000, maxOutputTokens: 100 }, 0).ok).toBe(true);
    const refused = limiter.admit({ inputTokens: 15_000, maxOutputTokens: 100 }, 0);
    expect(refused).toMatchObject({ ok: false, limit: "input-tokens", retryAfterMs: expect.closeTo(30_000, 3) });
    expect(limiter.state("requests", 0).remaining).toBe(49);
    expect(limiter.state("output-tokens", 0).remaining).toBe(7_900);
  });

  it("reserves output from max_tokens and gives back what was not used", () => {
    const limiter = new ClaudeLimiter(limitsOf("tier-1"), 0);
    const admitted = limiter.admit({ inputTokens: 10, maxOutputTokens: 6_000 }, 0);
    expect(limiter.admit({ inputTokens: 10, maxOutputTokens: 6_000 }, 0)).toMatchObject({ ok: false, limit: "output-tokens" });
    if (!admitted.ok) throw new Error("refused");
    limiter.settle(admitted.reservedOutputTokens, 250, 0);
    expect(limiter.state("output-tokens", 0).remaining).toBe(7_750);
  });

  it("lets max_tokens above the whole limit have all of it, but no prompt above the input limit", () => {
    const limiter = new ClaudeLimiter(limitsOf("tier-1"), 0);
    expect(limiter.admit({ inputTokens: 10, maxOutputTokens: 32_000 }, 0)).toEqual({ ok: true, reservedOutputTokens: 8_000 });
    const never = limiter.admit({ inputTokens: 78_000, maxOutputTokens: 1 }, 600_000);
    expect(never).toEqual({ ok: false, limit: "input-tokens", retryAfterMs: Number.POSITIVE_INFINITY });
  });

  // 523 output and 6,455 uncached input tokens per step of 28.3 s (parameters.md B, "Agents per limit").
  it.each([
    ["tier-1", 2],
    ["tier-2", 32],
    ["tier-3", 58],
    ["tier-4", 146],
    ["start", 36],
    ["scale", 292],
  ])("%s carries about %d agents, bound by input", (tier, agents) => {
    const stepMs = 28_300;
    const refusalsAt = (count: number) => {
      const limiter = new ClaudeLimiter(limitsOf(tier), 0);
      return Array.from({ length: 40 * count }, (_, step) =>
        limiter.admit({ inputTokens: 153_700 * 0.042, maxOutputTokens: 523 }, (step * stepMs) / count),
      ).flatMap((decision) => (decision.ok ? [] : [decision.limit]));
    };
    expect(refusalsAt(agents)).toEqual([]);
    expect(new Set(refusalsAt(Math.ceil(agents * 1.25)))).toEqual(new Set(["input-tokens"]));
  });

  it("never admits more than a bucketful and a minute's worth each minute, and whoever waits is admitted", () => {
    const demand = fc.record({
      gapMs: fc.integer({ min: 0, max: 3_000 }),
      inputTokens: fc.integer({ min: 0, max: 1_500 }),
      maxOutputTokens: fc.integer({ min: 1, max: 700 }),
      usedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(demand), (demands) => {
        const limits = { requestsPerMin: 30, inputTokensPerMin: 2_000, outputTokensPerMin: 600 };
        const limiter = new ClaudeLimiter(limits, 0);
        const used = { requests: 0, input: 0, output: 0 };
        let nowMs = 0;
        for (const { gapMs, usedShare, ...wanted } of demands) {
          nowMs += gapMs;
          const first = limiter.admit(wanted, nowMs);
          if (!first.ok) nowMs += first.retryAfterMs;
          const admitted = first.ok ? first : limiter.admit(wanted, nowMs);
          if (!admitted.ok) throw new Error(`refused after waiting, by ${admitted.limit}`);
          const outputTokens = Math.floor(admitted.reservedOutputTokens * usedShare);
          limiter.settle(admitted.reservedOutputTokens, outputTokens, nowMs);
          used.requests++;
          used.input += wanted.inputTokens;
          used.output += outputTokens;
          const minutes = 1 + nowMs / 60_000;
          expect(used.requests).toBeLessThanOrEqual(limits.requestsPerMin * minutes + 1e-3);
          expect(used.input).toBeLessThanOrEqual(limits.inputTokensPerMin * minutes + 1e-1);
          expect(used.output).toBeLessThanOrEqual(limits.outputTokensPerMin * minutes + 1e-1);
        }
      }),
    );
  });
});
