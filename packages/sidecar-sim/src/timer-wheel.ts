import type { Cancel, Clock } from "./clock.ts";

export interface WheelTimer {
  cancel(): void;
}

interface Entry extends WheelTimer {
  dueTick: number;
  run: (() => void) | undefined;
}

/** Slots of one turn: a 30 s ping at a 10 ms tick is looked at six times before it is due. */
const SLOTS = 512;

/**
 * The slow timers of all agents (pings, pongs, reports, progress windows) behind one interval of the clock: setting and
 * cancelling are O(1) and 10,000 agents cost one wake-up per tick. A timer fires up to one tick late, never early.
 */
export class TimerWheel {
  private readonly clock: Clock;
  private readonly tickMs: number;
  private readonly slots: Entry[][] = Array.from({ length: SLOTS }, () => []);
  private readonly originMs: number;
  private readonly stop: Cancel;
  private tick = 0;

  constructor(clock: Clock, tickMs: number) {
    this.clock = clock;
    this.tickMs = tickMs;
    this.originMs = clock.monotonicMs();
    this.stop = clock.every(tickMs, () => this.turn());
  }

  after(delayMs: number, run: () => void): WheelTimer {
    const atMs = this.clock.monotonicMs() - this.originMs + delayMs;
    const entry: Entry = { dueTick: Math.max(this.tick + 1, Math.ceil(atMs / this.tickMs)), run, cancel };
    this.slotOf(entry).push(entry);
    return entry;
  }

  /** Again and again, counted from now and not from when the last one fired, so that ticks do not add up. Missed ones are left out. */
  every(periodMs: number, run: () => void): WheelTimer {
    let dueMs = this.clock.monotonicMs();
    let current: WheelTimer;
    const again = () => {
      const nowMs = this.clock.monotonicMs();
      dueMs += periodMs;
      if (dueMs < nowMs) dueMs = nowMs;
      current = this.after(dueMs - nowMs, fire);
    };
    const fire = () => {
      again();
      run();
    };
    again();
    return { cancel: () => current.cancel() };
  }

  close(): void {
    this.stop();
    for (const slot of this.slots) slot.length = 0;
  }

  /** Runs what is due. A late interval (busy process) turns several ticks at once. */
  private turn(): void {
    const reachedTick = Math.floor((this.clock.monotonicMs() - this.originMs) / this.tickMs);
    while (this.tick < reachedTick) {
      this.tick++;
      const index = this.tick % SLOTS;
      const slot = this.slots[index] ?? [];
      if (slot.length === 0) continue;
      this.slots[index] = [];
      for (const entry of slot) {
        if (!entry.run) continue;
        if (entry.dueTick > this.tick) this.slotOf(entry).push(entry);
        else entry.run();
      }
    }
  }

  private slotOf(entry: Entry): Entry[] {
    return this.slots[entry.dueTick % SLOTS] as Entry[];
  }
}

function cancel(this: Entry): void {
  this.run = undefined;
}
