import type { Clock } from "@hubscale/sidecar-sim";

/** Sends one submission. `intendedMs` and the clock are monotonic milliseconds. */
export type Send = (intendedMs: number) => void;

/**
 * Sends at the intended times, all that are due at each wake-up, and never looks at an answer. Sleeps on timers in between
 * rather than spinning, since the hub often shares the machine: a submission leaves up to about 1.5 ms late, which its latency
 * includes and the schedule lag shows. Resolves after the last.
 */
export function sendOnSchedule(clock: Clock, startMs: number, times: Float64Array, send: Send): Promise<void> {
  let next = 0;
  return new Promise((resolve) => {
    const wake = () => {
      for (;;) {
        const offsetMs = times[next];
        if (offsetMs === undefined) {
          resolve();
          return;
        }
        const waitMs = startMs + offsetMs - clock.monotonicMs();
        if (waitMs > 0) {
          clock.after(waitMs, wake);
          return;
        }
        next++;
        send(startMs + offsetMs);
      }
    };
    wake();
  });
}

/** Pause before a refused submission is made good, so that a hub that refuses everything is not flooded. */
const AFTER_REFUSAL_MS = 20;

/** Keeps `inFlight` tasks under way until `endMs`. Told of each that ended, or was refused, it sends another. */
export class ClosedLoad {
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #send: Send;

  constructor(clock: Clock, endMs: number, send: Send) {
    this.#clock = clock;
    this.#endMs = endMs;
    this.#send = send;
  }

  /** Resolves at `endMs`. */
  run(inFlight: number): Promise<void> {
    for (let i = 0; i < inFlight; i++) this.#sendNow();
    return new Promise((resolve) => {
      this.#clock.after(this.#endMs - this.#clock.monotonicMs(), resolve);
    });
  }

  ended(): void {
    this.#sendNow();
  }

  refused(): void {
    this.#clock.after(AFTER_REFUSAL_MS, () => this.#sendNow());
  }

  #sendNow(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#endMs) this.#send(nowMs);
  }
}
