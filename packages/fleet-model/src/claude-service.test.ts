import { describe, expect, it } from "vitest";
import { ClaudeService } from "./claude-service.ts";
import { CLAUDE_TIERS, claudeModel, type ClaudeTier } from "./claude-tiers.ts";
import { CACHE_TTL_MS, type Prefix } from "./prompt-cache.ts";

const tier = (name: string): ClaudeTier => {
  const found = CLAUDE_TIERS[name];
  if (!found) throw new Error(`no tier ${name}`);
  return found;
};
const sonnet = (() => {
  const found = claudeModel("claude-sonnet-4-5-20250929");
  if (!found) throw new Error("no model");
  return found;
})();

/** 0.5 draws exp(0 - something fixed): Box and Muller's cosine is -1 there. */
const service = (name = "tier-4", overloadedShare = 0, random = () => 0.5) =>
  new ClaudeService({ tier: tier(name), overloadedShare, random }, 0);

const block = (key: string, tokens: number, ttl?: keyof typeof CACHE_TTL_MS): Prefix => ({
  key,
  tokens,
  keepMs: ttl && CACHE_TTL_MS[ttl],
});

function begin(claude: ClaudeService, prefixes: Prefix[], { inputTokens, nowMs }: { inputTokens: number; nowMs: number }) {
  const outcome = claude.begin({ model: sonnet, inputTokens, maxOutputTokens: 100, prefixes }, nowMs);
  if (!outcome.ok) throw new Error(outcome.refusal);
  return outcome.answer;
}

describe("the prompt cache", () => {
  it("writes what is marked, reads it afterwards, and only the rest counts to the limit", () => {
    const claude = service();
    const first = begin(claude, [block("tools", 12_000), block("system", 16_000, "5m")], { inputTokens: 20_000, nowMs: 0 });
    expect(first).toMatchObject({ cache: { readTokens: 0, writtenTokens: 16_000 }, uncachedInputTokens: 4_000 });
    expect(claude.limits("sonnet-opus", 0)["input-tokens"].remaining).toBe(2_000_000 - 20_000);
    const longer = [block("tools", 12_000), block("system", 16_000, "5m"), block("turn", 20_500, "5m")];
    const second = begin(claude, longer, { inputTokens: 21_000, nowMs: 0 });
    expect(second).toMatchObject({ cache: { readTokens: 16_000, writtenTokens: 4_500 }, uncachedInputTokens: 500 });
    expect(claude.limits("sonnet-opus", 0)["input-tokens"].remaining).toBe(2_000_000 - 25_000);
    expect(second.ttftMs).toBeLessThan(first.ttftMs);
  });

  it("forgets after the time to live, counted from the last use", () => {
    const claude = service();
    const prompt = { inputTokens: 5_000 };
    const readAt = (nowMs: number) => begin(claude, [block("a", 5_000, "5m")], { ...prompt, nowMs }).cache.readTokens;
    expect([0, 200_000, 499_000, 798_000, 1_098_001].map(readAt)).toEqual([0, 5_000, 5_000, 5_000, 0]);
    const hour = begin(claude, [block("h", 5_000, "1h")], { ...prompt, nowMs: 0 });
    expect(hour.cache).toEqual({ readTokens: 0, writtenTokens: 5_000, writtenForHourTokens: 5_000 });
    expect(begin(claude, [block("h", 5_000, "1h")], { ...prompt, nowMs: 3_599_000 }).cache.readTokens).toBe(5_000);
  });

  it("takes no prefix that is too short or not marked", () => {
    const claude = service();
    const nothing = { readTokens: 0, writtenTokens: 0 };
    for (const prefixes of [[block("a", 1_023, "5m")], [block("b", 5_000)], []]) {
      for (const nowMs of [0, 1]) expect(begin(claude, prefixes, { inputTokens: 6_000, nowMs }).cache).toMatchObject(nothing);
    }
  });

  it("keeps nothing of a request that was refused", () => {
    const claude = service("tier-1");
    const prefixes = [block("big", 40_000, "5m")];
    const ask = { model: sonnet, inputTokens: 40_000, maxOutputTokens: 1, prefixes };
    for (const nowMs of [0, 60_000]) {
      expect(claude.begin(ask, nowMs)).toMatchObject({ ok: false, refusal: "rate_limited", limit: "input-tokens" });
    }
  });
});

describe("the service", () => {
  it("limits each class of models by itself", () => {
    const claude = service("tier-1");
    const haiku = claudeModel("claude-haiku-4-5");
    if (!haiku) throw new Error("no model");
    begin(claude, [], { inputTokens: 30_000, nowMs: 0 });
    expect(claude.limits("haiku", 0)["input-tokens"]).toMatchObject({ limit: 50_000, remaining: 50_000, resetMs: 0 });
    expect(claude.limits("sonnet-opus", 0)["input-tokens"].resetMs).toBeCloseTo(60_000, 3);
  });

  it("turns a share of the requests away as overloaded, at no cost to the limits", () => {
    const draws = [0.1, 0.3, 0.5, 0.5, 0.5, 0.5];
    const claude = service("tier-4", 0.2, () => draws.shift() ?? 0.9);
    const ask = { model: sonnet, inputTokens: 10, maxOutputTokens: 10, prefixes: [] };
    expect(claude.begin(ask, 0)).toEqual({ ok: false, refusal: "overloaded" });
    expect(claude.limits("sonnet-opus", 0).requests.remaining).toBe(4_000);
    expect(claude.begin(ask, 0).ok).toBe(true);
  });

  it("adds 9 s to the first token of 100,000 uncached tokens", () => {
    const ttft = (inputTokens: number) => begin(service(), [], { inputTokens, nowMs: 0 }).ttftMs;
    expect(ttft(100_000) - ttft(0)).toBeCloseTo(9_100, 3);
  });
});
