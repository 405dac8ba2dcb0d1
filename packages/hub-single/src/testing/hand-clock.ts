import type { Cancel, Clock } from "@hubscale/hub-runtime";

interface Timer {
  atMs: number;
  everyMs: number | undefined;
  run: () => void;
}

/** A clock that a test turns by hand. */
export class HandClock implements Clock {
  #nowMs = 1_800_000_000_000;
  readonly #timers = new Set<Timer>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  every(everyMs: number, run: () => void): Cancel {
    return this.#add({ atMs: this.#nowMs + everyMs, everyMs, run });
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add({ atMs: this.#nowMs + delayMs, everyMs: undefined, run });
  }

  /** Runs what falls due, in order. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    while (this.runNext(endMs));
    this.#nowMs = endMs;
  }

  /** Runs the next that falls due, at its time. False: nothing does until then. */
  runNext(untilMs: number): boolean {
    const [due] = [...this.#timers].filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
    if (!due) return false;
    this.#nowMs = due.atMs;
    if (due.everyMs === undefined) this.#timers.delete(due);
    else due.atMs += due.everyMs;
    due.run();
    return true;
  }

  #add(timer: Timer): Cancel {
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }
}
