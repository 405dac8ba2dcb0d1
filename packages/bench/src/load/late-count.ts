import type { StageLatencies } from "./generator-protocol.ts";

/** The most that a trial may have late and still hold; more is a miss whatever the rest of it brings. */
export interface LateBound {
  stage: keyof StageLatencies;
  boundMs: number;
  /** Share of the window's tasks, for a 99th percentile 0.01. */
  share: number;
}

/** A submission that may be late. `tookMs`: how long the stage took, once it was reached. */
export interface Awaited {
  intendedMs: number;
  tookMs: number | undefined;
}

/**
 * Counts late submissions while the trial runs, each once, when its time is up. Curtailed sampling: since the number of
 * submissions is known beforehand, a trial with too many late ones can be ended at once with the outcome that it would have had.
 */
export class LateCount {
  readonly #boundMs: number;
  readonly #allowed: number;
  readonly #awaited: Awaited[] = [];
  #next = 0;
  #late = 0;

  /** `planned`: submissions whose intended times lie in the window. */
  constructor(bound: LateBound, planned: number) {
    this.#boundMs = bound.boundMs;
    this.#allowed = bound.share * planned;
  }

  /** In the order of the intended times. */
  add(awaited: Awaited): void {
    this.#awaited.push(awaited);
  }

  /** True when the rest cannot change the outcome any more. */
  isHopeless(nowMs: number): boolean {
    for (; this.#next < this.#awaited.length; this.#next++) {
      const { intendedMs, tookMs } = this.#awaited[this.#next] as Awaited;
      if (intendedMs + this.#boundMs > nowMs) break;
      if (tookMs === undefined || tookMs >= this.#boundMs) this.#late++;
    }
    return this.#late > this.#allowed;
  }
}
