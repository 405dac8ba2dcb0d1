/** Time as the sidecars see it, handed in so that tests can turn it by hand. */
export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, never set back, with a fraction. For latencies. */
  monotonicMs(): number;
  after(delayMs: number, run: () => void): Cancel;
  every(everyMs: number, run: () => void): Cancel;
}

export type Cancel = () => void;

/** The machine's own clock and timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  every(everyMs, run) {
    const timer = setInterval(run, everyMs);
    return () => clearInterval(timer);
  },
};
