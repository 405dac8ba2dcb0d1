/** What of a runner changes while time passes: a row of numbers, its own or one of many beside each other. */

/** Where a runner's numbers are. */
export interface RunnerRow {
  numbers: Float64Array;
  at: number;
}

/** How many numbers a runner of so many slots has. */
export function runnerNumbers(slots: number): number {
  return HEAD_NUMBERS + slots * (1 + SLOT_NUMBERS);
}

/** Columns of a runner's row; behind them the active slots in the order of their admission, then a row for each slot. */
export const HEAD = {
  active: 0,
  /** The slot whose prompt is being read: the first admitted of those whose prompt has not been; -1: none. */
  prefilling: 1,
  /** Tokens per millisecond of each slot, until who is active changes; 0: not known. */
  decodeRate: 2,
  abandoned: 3,
} as const;
export const HEAD_NUMBERS = 4;

/** Columns of a slot's row. A slot is named by where its row begins. */
export const SLOT = {
  phase: 0,
  /** Tokens yet to prefill, then yet to decode. */
  left: 1,
  promptTokens: 2,
  cachedTokens: 3,
  outputTokens: 4,
  arrivedMs: 5,
  modelReadyMs: 6,
  /** NaN: not yet. */
  prefillBeganMs: 7,
  decodeBeganMs: 8,
  /** 1: the client left during prefill; llama-server learns of it when it sends the first token (ollama issue #11889). */
  abandoned: 9,
  /** What the KV cache holds from the last request. */
  heldTokens: 10,
  freedMs: 11,
} as const;
export const SLOT_NUMBERS = 12;

export const PHASE = { free: 0, prefill: 1, decode: 2 } as const;
