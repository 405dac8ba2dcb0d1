/** How long a service may take with one answer, in real milliseconds. */
import { TIMERS } from "@hubscale/protocol";

export interface AnswerBounds {
  /** From the request to the head of the answer. */
  headMs: number;
  /** Between two pieces of the answer. */
  silentMs: number;
  /** From the request to the end of the answer. */
  wholeMs: number;
}

/** The official SDK waits ten minutes for the head. In a silence the API pings about every 30 s: a third more is a stall. */
export const CLAUDE_BOUNDS: AnswerBounds = { headMs: 600_000, silentMs: 40_000, wholeMs: 3_600_000 };

/**
 * An endpoint's queue is unbounded, and it answers only with the first token; after 20 min the hub takes the task away by itself. A
 * stream pauses while the prompts of others are read; Ollama itself gives up a load that does not move for five minutes.
 */
export const OLLAMA_BOUNDS: AnswerBounds = { headMs: TIMERS.stuckWorkingMs, silentMs: 300_000, wholeMs: 3_600_000 };

/** A stub that is slower than life takes longer; one that is faster still runs on a machine that may be busy. */
export function boundsAt(timeScale: number, bounds: AnswerBounds): AnswerBounds {
  const slower = Math.min(1, timeScale);
  return { headMs: bounds.headMs / slower, silentMs: bounds.silentMs / slower, wholeMs: bounds.wholeMs / slower };
}
