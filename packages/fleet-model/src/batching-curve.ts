/** How decode speeds up when a model works on several sequences at once. Sources: parameters.md A, "Batching". */

/**
 * Aggregate speed over that of one sequence. `serial-share`: B / (1 + a(B - 1)), for dense models; a = 1 is a pure queue.
 * `table`: measured points [B, speed-up] from B = 1 on, for mixtures of experts, whose a is not constant.
 */
export type BatchingCurve =
  | { kind: "serial-share"; a: number }
  | { kind: "table"; points: readonly (readonly [batch: number, speedup: number])[] };

/** A curve measured at one length of context, and the speed of a single sequence there relative to the shortest context. */
export interface BatchingAtContext {
  contextTokens: number;
  single: number;
  curve: BatchingCurve;
}

/** `batch` at least 1. Between the points of a table: linear; beyond the last: the serial share that the last point has. */
export function batchSpeedup(curve: BatchingCurve, batch: number): number {
  if (curve.kind === "serial-share") return batch / (1 + curve.a * (batch - 1));
  let [lowBatch, lowSpeedup] = curve.points[0] ?? [1, 1];
  for (const [highBatch, highSpeedup] of curve.points) {
    if (batch === highBatch) return highSpeedup;
    if (batch < highBatch) {
      return lowSpeedup + ((highSpeedup - lowSpeedup) * (batch - lowBatch)) / (highBatch - lowBatch);
    }
    [lowBatch, lowSpeedup] = [highBatch, highSpeedup];
  }
  return batchSpeedup({ kind: "serial-share", a: serialShare(lowBatch, lowSpeedup) }, batch);
}

/** The `a` that gives `speedup` at `batch`; 1 for a batch of 1, where any fits. */
export function serialShare(batch: number, speedup: number): number {
  return batch <= 1 ? 1 : (batch / speedup - 1) / (batch - 1);
}

/**
 * Aggregate decode speed of `batch` sequences with `contextTokens` each, relative to one sequence at the shortest context.
 * Linear in the context between the measured lengths; beyond them the nearest holds (nothing above 8,192 was measured with
 * separate sequences, so long contexts come out too fast).
 */
export function decodeSpeedup(levels: readonly BatchingAtContext[], batch: number, contextTokens: number): number {
  let low: BatchingAtContext | undefined;
  for (const high of levels) {
    if (contextTokens <= high.contextTokens) {
      if (!low) return speedupAt(high, batch);
      const share = (contextTokens - low.contextTokens) / (high.contextTokens - low.contextTokens);
      return speedupAt(low, batch) * (1 - share) + speedupAt(high, batch) * share;
    }
    low = high;
  }
  return low ? speedupAt(low, batch) : batchSpeedup({ kind: "serial-share", a: 1 }, batch);
}

function speedupAt({ single, curve }: BatchingAtContext, batch: number): number {
  return single * batchSpeedup(curve, batch);
}

/**
 * Dense 7B Q8 on GB10, llama.cpp benches/dgx-spark.md 2025-11-02: `a` as fitted at B = 8 (512 tokens .028, 8k .083; at 4k
 * 163.1 of 8 × 28.4 tokens/s gives .056), single-stream speed 29.2 / 28.4 / 27.5. The fit
 * is within 6 % of the table up to B = 16 and 17 % low at 32.
 */
export const DENSE_BATCHING: readonly BatchingAtContext[] = [
  { contextTokens: 512, single: 1, curve: { kind: "serial-share", a: 0.028 } },
  { contextTokens: 4_096, single: 28.4 / 29.2, curve: { kind: "serial-share", a: 0.056 } },
  { contextTokens: 8_192, single: 27.5 / 29.2, curve: { kind: "serial-share", a: 0.083 } },
];

/** MoE 20B MXFP4 on GB10, same source. */
export const MOE_20B_BATCHING: readonly BatchingAtContext[] = [
  measured(512, 81.1, [81.1, 95.0, 151.9, 254.1, 400.9, 614.8]),
  measured(8_192, 81.1, [72.1, 83.0, 127.3, 191.3, 262.4, 341.2]),
];

/** MoE coder 30B-A3B Q8 on GB10, same source. */
export const MOE_30B_BATCHING: readonly BatchingAtContext[] = [
  measured(512, 57.6, [57.6, 64.1, 102.0, 154.9, 233.0, 345.0]),
  measured(8_192, 57.6, [42.6, 50.5, 72.6, 96.4, 121.6, 143.1]),
];

/** Aggregate tokens/s at B = 1, 2, 4, 8, 16, 32. */
function measured(contextTokens: number, shortestSingle: number, aggregate: readonly number[]): BatchingAtContext {
  const single = aggregate[0] ?? shortestSingle;
  const points = aggregate.map((tokensPerSec, index) => [2 ** index, tokensPerSec / single] as const);
  return { contextTokens, single: single / shortestSingle, curve: { kind: "table", points } };
}
