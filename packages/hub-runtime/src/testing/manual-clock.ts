import type { Cancel, Clock } from "../ports.ts";

/** A clock that a test turns by hand. What is due at one time runs in the order in which it was asked for. */
export class ManualClock implements Clock {
  #nowMs: number;
  #timers: { atMs: number; everyMs: number | null; run: () => void }[] = [];

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  every(everyMs: number, run: () => void): Cancel {
    return this.#add(everyMs, everyMs, run);
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add(delayMs, null, run);
  }

  /** Runs all that falls due within the next `byMs`, at its time. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    while (this.runNext(endMs));
    this.#nowMs = endMs;
  }

  /** Runs the next that falls due, at its time. False: nothing does until then. */
  runNext(untilMs: number): boolean {
    const due = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
    if (!due) return false;
    this.#nowMs = Math.max(this.#nowMs, due.atMs);
    if (due.everyMs === null) this.#timers = this.#timers.filter((each) => each !== due);
    else due.atMs += due.everyMs;
    due.run();
    return true;
  }

  #add(delayMs: number, everyMs: number | null, run: () => void): Cancel {
    const timer = { atMs: this.#nowMs + delayMs, everyMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }
}
