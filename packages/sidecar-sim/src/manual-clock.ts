import type { Cancel, Clock } from "./clock.ts";

interface Due {
  atMs: number;
  everyMs: number | null;
  run: () => void;
}

/** A clock that stands still until it is told to advance; due timers run in the order of their times. For tests. */
export class ManualClock implements Clock {
  private elapsedMs = 0;
  private readonly startMs: number;
  private readonly timers = new Set<Due>();

  constructor(startMs = 1_700_000_000_000) {
    this.startMs = startMs;
  }

  nowMs(): number {
    return this.startMs + this.elapsedMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.add({ atMs: this.elapsedMs + Math.max(0, delayMs), everyMs: null, run });
  }

  every(everyMs: number, run: () => void): Cancel {
    return this.add({ atMs: this.elapsedMs + everyMs, everyMs, run });
  }

  advance(byMs: number): void {
    const endMs = this.elapsedMs + byMs;
    for (let due = this.next(endMs); due; due = this.next(endMs)) {
      this.elapsedMs = Math.max(this.elapsedMs, due.atMs);
      if (due.everyMs === null) this.timers.delete(due);
      else due.atMs += due.everyMs;
      due.run();
    }
    this.elapsedMs = endMs;
  }

  private next(endMs: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.timers) {
      if (due.atMs <= endMs && (!first || due.atMs < first.atMs)) first = due;
    }
    return first;
  }

  private add(due: Due): Cancel {
    this.timers.add(due);
    return () => this.timers.delete(due);
  }
}
