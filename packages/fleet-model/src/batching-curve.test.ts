import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  batchSpeedup,
  DENSE_BATCHING,
  decodeSpeedup,
  MOE_20B_BATCHING,
  MOE_30B_BATCHING,
  serialShare,
} from "./batching-curve.ts";

describe("aggregate decode speed", () => {
  it.each([
    [512, [29.2, 54.5, 104.3, 195.7, 335.0, 593.3]],
    [4_096, [28.4, 51.4, 93.9, 163.1, 252.8, 377.1]],
    [8_192, [27.5, 48.4, 84.7, 138.9, 196.2, 268.2]],
  ])("dense 7B on GB10 at %d tokens of context: the fit holds", (contextTokens, rows) => {
    rows.forEach((measured, index) => {
      const modelled = 29.2 * decodeSpeedup(DENSE_BATCHING, 2 ** index, contextTokens);
      expect(Math.abs(modelled / measured - 1)).toBeLessThan(index < 5 ? 0.06 : 0.17);
    });
  });

  it.each([
    [MOE_20B_BATCHING, 81.1, 512, 4, 151.9],
    [MOE_20B_BATCHING, 81.1, 8_192, 8, 191.3],
    [MOE_30B_BATCHING, 57.6, 512, 2, 64.1],
    [MOE_30B_BATCHING, 57.6, 8_192, 32, 143.1],
  ])("of mixtures of experts goes through the measured points", (levels, single, contextTokens, batch, measured) => {
    expect(single * decodeSpeedup(levels, batch, contextTokens)).toBeCloseTo(measured, 6);
  });

  it("of a = 1 is a pure queue", () => {
    for (const batch of [1, 2, 7]) expect(batchSpeedup({ kind: "serial-share", a: 1 }, batch)).toBeCloseTo(1, 12);
  });

  it("goes on beyond a table with the share of its last point", () => {
    const curve = {
      kind: "table",
      points: [
        [1, 1],
        [2, 1.5],
      ],
    } as const;
    expect(batchSpeedup(curve, 4)).toBeCloseTo(4 / (1 + serialShare(2, 1.5) * 3), 12);
    expect(batchSpeedup(curve, 1.5)).toBeCloseTo(1.25, 12);
  });

  it("never falls with more sequences, nor is a sequence ever faster in company", () => {
    const levels = fc.constantFrom(DENSE_BATCHING, MOE_20B_BATCHING, MOE_30B_BATCHING);
    fc.assert(
      fc.property(levels, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 100_000 }), (curve, batch, context) => {
        const here = decodeSpeedup(curve, batch, context);
        const next = decodeSpeedup(curve, batch + 1, context);
        expect(next).toBeGreaterThanOrEqual(here - 1e-9);
        expect(next / (batch + 1)).toBeLessThanOrEqual(here / batch + 1e-9);
      }),
    );
  });
});
