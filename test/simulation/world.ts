/** Simulated time: what is due happens in order, one thing after the other, each with all that follows from it at once. */
import type { Cancel } from "@hubscale/hub-runtime";

const START_MS = 1_700_000_000_000;

export class World {
  #nowMs = START_MS;
  #asked = 0;
  /** In order, the next one last. */
  readonly #due: Due[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Since the start. */
  get elapsedMs(): number {
    return this.#nowMs - START_MS;
  }

  after(delayMs: number, run: () => void): Cancel {
    const due: Due = { atMs: this.#nowMs + Math.max(0, Math.round(delayMs)), turn: this.#asked++, run };
    let [low, high] = [0, this.#due.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(due, this.#due[middle] as Due)) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, due);
    return () => {
      due.run = undefined;
    };
  }

  /** Runs until that time, or until a step leaves `isDone`; how many steps. */
  async run(untilMs: number, isDone: () => boolean): Promise<number> {
    for (let steps = 0; ; ) {
      const next = this.#due.at(-1);
      if (!next || next.atMs - START_MS > untilMs) return steps;
      this.#due.pop();
      if (!next.run) continue;
      this.#nowMs = next.atMs;
      next.run();
      // A tick comes when no promise is left to be followed up; it is ten times cheaper than a round of the event loop.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      steps++;
      if (isDone()) return steps;
    }
  }
}

interface Due {
  atMs: number;
  /** Of two things due at one time the one asked for first is first. */
  turn: number;
  /** Undefined: cancelled. */
  run: (() => void) | undefined;
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.turn < b.turn);
}
