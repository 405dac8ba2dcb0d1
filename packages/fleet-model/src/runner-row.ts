/** What of a runner changes while time passes: a row of numbers, its own or one of many beside each other. */

/** Rows of numbers, and of what requests and conversations are called: at the same places, so that where names are numbers both may be one array. */
export interface RunnerRows<Id> {
  numbers: Float64Array;
  /** Undefined (in an array of numbers NaN): nobody yet. */
  names: { [place: number]: Id | undefined };
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
  /** How many wait, and the places of the first and the last of them (waiting-requests.ts). */
  waiting: 4,
  firstWaiting: 5,
  lastWaiting: 6,
} as const;
export const HEAD_NUMBERS = 7;

/** Columns of a slot's row, those first that every change looks at. A slot is named by where its row begins. */
export const SLOT = {
  phase: 0,
  /** Tokens yet to prefill, then yet to decode. */
  left: 1,
  promptTokens: 2,
  outputTokens: 3,
  /** Names: the last request that it served, and its conversation. */
  request: 4,
  conversation: 5,
  /** What the KV cache holds from the last request. */
  heldTokens: 6,
  freedMs: 7,
  cachedTokens: 8,
  arrivedMs: 9,
  modelReadyMs: 10,
  /** NaN: not yet. */
  prefillBeganMs: 11,
  decodeBeganMs: 12,
  /** 1: the client left during prefill; llama-server learns of it when it sends the first token (ollama issue #11889). */
  abandoned: 13,
} as const;
export const SLOT_NUMBERS = 14;

export const PHASE = { free: 0, prefill: 1, decode: 2 } as const;
