/** Time as the sidecars see it, handed in so that tests can turn it by hand. */
export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, never set back, with a fraction. For latencies. */
  monotonicMs(): number;
  /** Delays of any length, also an infinite one. */
  after(delayMs: number, run: () => void): Cancel;
  every(everyMs: number, run: () => void): Cancel;
}

export type Cancel = () => void;

/** The longest delay that a timer of Node takes; it fires after 1 ms for a longer one. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's own clock and timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    if (delayMs <= TIMER_MS_MAX) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    }
    let cancel = systemClock.after(TIMER_MS_MAX, () => {
      cancel = systemClock.after(delayMs - TIMER_MS_MAX, run);
    });
    return () => cancel();
  },
  every(everyMs, run) {
    if (everyMs <= TIMER_MS_MAX) {
      const timer = setInterval(run, everyMs);
      return () => clearInterval(timer);
    }
    const next = () =>
      systemClock.after(everyMs, () => {
        cancel = next();
        run();
      });
    let cancel = next();
    return () => cancel();
  },
};
