import { type Clock, systemClock } from "@hubscale/hub-runtime";

/**
 * The system's clock, whose wall time moves on as the test likes; what repeats every 30 s or more runs when the test says so. How long an
 * engine takes to answer is real.
 */
export class TurnedClock implements Clock {
  readonly #slow: { everyMs: number; run: () => void }[] = [];
  #aheadMs = 0;

  nowMs() {
    return systemClock.nowMs() + this.#aheadMs;
  }

  monotonicMs() {
    return systemClock.monotonicMs();
  }

  every(everyMs: number, run: () => void) {
    if (everyMs < 30_000) return systemClock.every(everyMs, run);
    this.#slow.push({ everyMs, run });
    return () => undefined;
  }

  after(delayMs: number, run: () => void) {
    return systemClock.after(delayMs, run);
  }

  /** Time passes, and nothing runs: a duty that was claimed would be taken for a minute of the server's own time. */
  skip(byMs: number) {
    this.#aheadMs += byMs;
  }

  turn(byMs: number) {
    this.#aheadMs += byMs;
    for (const { run } of this.#slow) run();
  }
}
