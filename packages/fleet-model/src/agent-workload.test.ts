import { describe, expect, it } from "vitest";
import { STEP_OUTPUT_TOKENS, STEP_PREFIX_TOKENS, TOOL_MS } from "./agent-workload.ts";
import { type Distribution, draw, meanOf } from "./random.ts";

/** Halton's sequence: evenly spread pairs, so that a sample of 20,000 settles. */
function evenly() {
  let index = 0;
  const radical = (base: number, n: number) => {
    let [value, share] = [0, 1];
    for (let rest = n; rest > 0; rest = Math.floor(rest / base)) {
      share /= base;
      value += share * (rest % base);
    }
    return value;
  };
  return () => radical(index++ % 2 === 0 ? 2 : 3, Math.ceil(index / 2));
}

const sampleOf = (distribution: Distribution) => {
  const random = evenly();
  return Array.from({ length: 20_000 }, () => draw(distribution, random)).sort((a, b) => a - b);
};
const at = (sorted: number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;

describe("what TraceLab found", () => {
  it.each([
    ["prefix tokens", STEP_PREFIX_TOKENS, { median: 126_000, p99: 918_000 }],
    ["output tokens", STEP_OUTPUT_TOKENS, { median: 252, mean: 523 }],
    ["tool time in ms", TOOL_MS, { median: 300, mean: 16_800 }],
  ])("%s", (_what, distribution, found: { median: number; mean?: number; p99?: number }) => {
    const sorted = sampleOf(distribution);
    expect(at(sorted, 0.5) / found.median).toBeCloseTo(1, 1);
    expect(found.p99 === undefined ? 1 : at(sorted, 0.99) / found.p99).toBeCloseTo(1, 1);
    expect(found.mean === undefined ? 1 : meanOf(distribution) / found.mean).toBeCloseTo(1, 1);
  });

  it("draws have the mean that is claimed", () => {
    const exponential: Distribution = { kind: "exponential", mean: 40 };
    for (const distribution of [STEP_OUTPUT_TOKENS, exponential, { kind: "constant", value: 3 } as const]) {
      const sorted = sampleOf(distribution);
      expect(sorted.reduce((sum, value) => sum + value, 0) / sorted.length / meanOf(distribution)).toBeCloseTo(1, 1);
    }
  });
});
