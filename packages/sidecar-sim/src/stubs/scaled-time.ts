import type { Cancel, Clock } from "../clock.ts";

/** The fleet's time for rules that run on a real clock: `scale` milliseconds pass in each real one. It starts at 0. */
export class ScaledTime {
  readonly scale: number;
  private readonly clock: Clock;
  private readonly startMs: number;

  constructor(clock: Clock, scale: number) {
    this.clock = clock;
    this.scale = scale;
    this.startMs = clock.monotonicMs();
  }

  nowMs(): number {
    return (this.clock.monotonicMs() - this.startMs) * this.scale;
  }

  at(atMs: number, run: () => void): Cancel {
    return this.after(Math.max(0, Math.ceil((atMs - this.nowMs()) / this.scale)), run);
  }

  /** Unix milliseconds at which `inMs` of the fleet's time from now will have passed. */
  realUnixMs(inMs: number): number {
    return this.clock.nowMs() + inMs / this.scale;
  }

  /** The real time of day as Go writes it: UTC, to the nanosecond. */
  rfc3339Nano(): string {
    const nanoseconds = String(Math.floor((this.clock.monotonicMs() % 1) * 1e6)).padStart(6, "0");
    return new Date(this.clock.nowMs()).toISOString().replace("Z", `${nanoseconds}Z`);
  }

  toRealMs(fleetMs: number): number {
    return fleetMs / this.scale;
  }

  after(realMs: number, run: () => void): Cancel {
    return this.clock.after(realMs, run);
  }

  every(realMs: number, run: () => void): Cancel {
    return this.clock.every(realMs, run);
  }
}
