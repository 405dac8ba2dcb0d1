import type { Clock } from "@hubscale/sidecar-sim";

/** Sends one submission. `intendedMs` and the clock are monotonic milliseconds. */
export type Send = (intendedMs: number) => void;

/**
 * Sends at the intended times (`offsetsMs` from `startMs`, ascending), all that are due at each wake-up, and never looks at an
 * answer. Sleeps on timers in between rather than spinning, since the hub often shares the machine: a submission leaves up to
 * about 1.5 ms late, which its latency includes and the schedule lag shows. Resolves after the last, or at the signal.
 */
export function sendOnSchedule(
  clock: Clock,
  startMs: number,
  offsetsMs: Iterable<number>,
  send: Send,
  signal?: AbortSignal,
): Promise<void> {
  const offsets = offsetsMs[Symbol.iterator]();
  return new Promise((resolve) => {
    let next = offsets.next();
    const wake = () => {
      if (signal?.aborted) next = { done: true, value: undefined };
      for (; !next.done; next = offsets.next()) {
        const intendedMs = startMs + next.value;
        const waitMs = intendedMs - clock.monotonicMs();
        if (waitMs > 0) {
          clock.after(Math.min(waitMs, LOOK_MS), wake);
          return;
        }
        send(intendedMs);
      }
      resolve();
    };
    wake();
  });
}

/** Between two submissions the signal is looked at this often. */
const LOOK_MS = 200;

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
    for (let i = 0; i < inFlight; i++) this.ended();
    return new Promise((resolve) => {
      this.#clock.after(this.#endMs - this.#clock.monotonicMs(), resolve);
    });
  }

  ended(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#endMs) this.#send(nowMs);
  }

  refused(): void {
    this.#clock.after(AFTER_REFUSAL_MS, () => this.ended());
  }
}
