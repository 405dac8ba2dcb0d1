import type { Cancel, Clock } from "./clock.ts";

export interface WheelTimer {
  cancel(): void;
}

/** A timer that is set again and again for the same delay. It keeps its place in the wheel, so that setting it leaves nothing behind. */
export interface WheelAlarm extends WheelTimer {
  readonly isSet: boolean;
  /** From now on; from when it was set before does not count any more. */
  set(): void;
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
  private readonly slots = Array.from({ length: SLOTS }, (): Slot => ({ first: undefined, last: undefined }));
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
    const entry = new Entry(this, delayMs, run);
    entry.set();
    return entry;
  }

  /** Again and again, counted from now and not from when the last one fired, so that ticks do not add up. Missed ones are left out. */
  every(periodMs: number, run: () => void): WheelTimer {
    let dueMs = this.clock.monotonicMs();
    const again = () => {
      const nowMs = this.clock.monotonicMs();
      dueMs += periodMs;
      if (dueMs < nowMs) dueMs = nowMs;
      this.place(entry, dueMs - nowMs);
    };
    const entry = new Entry(this, periodMs, () => {
      again();
      run();
    });
    again();
    return entry;
  }

  /** Not set yet. */
  alarm(delayMs: number, run: () => void): WheelAlarm {
    return new Entry(this, delayMs, run);
  }

  close(): void {
    this.stop();
    for (const slot of this.slots) slot.first = slot.last = undefined;
  }

  /** One that waits already stays where it is until it is looked at: never later than it was due before. */
  place(entry: Entry, delayMs: number): void {
    const atMs = this.clock.monotonicMs() - this.originMs + delayMs;
    entry.dueTick = Math.max(this.tick + 1, Math.ceil(atMs / this.tickMs));
    if (!entry.isPlaced) this.append(entry);
  }

  /** Runs what is due. A late interval (busy process) turns several ticks at once. */
  private turn(): void {
    const reachedTick = Math.floor((this.clock.monotonicMs() - this.originMs) / this.tickMs);
    while (this.tick < reachedTick) {
      this.tick++;
      const slot = this.slots[this.tick % SLOTS] as Slot;
      let entry = slot.first;
      slot.first = slot.last = undefined;
      while (entry) {
        const { next } = entry;
        entry.next = undefined;
        entry.isPlaced = false;
        if (entry.dueTick > this.tick) this.append(entry);
        else if (entry.isSet) entry.fire();
        entry = next;
      }
    }
  }

  private append(entry: Entry): void {
    const slot = this.slots[entry.dueTick % SLOTS] as Slot;
    entry.isPlaced = true;
    if (slot.last) slot.last.next = entry;
    else slot.first = entry;
    slot.last = entry;
  }
}

/** Linked through the entries themselves: arrays would be filled and thrown away a hundred times a second. */
interface Slot {
  first: Entry | undefined;
  last: Entry | undefined;
}

class Entry implements WheelAlarm {
  dueTick = NOT_SET;
  next: Entry | undefined;
  isPlaced = false;
  private readonly wheel: TimerWheel;
  private readonly delayMs: number;
  private readonly run: () => void;

  constructor(wheel: TimerWheel, delayMs: number, run: () => void) {
    this.wheel = wheel;
    this.delayMs = delayMs;
    this.run = run;
  }

  get isSet(): boolean {
    return this.dueTick !== NOT_SET;
  }

  set(): void {
    this.wheel.place(this, this.delayMs);
  }

  cancel(): void {
    this.dueTick = NOT_SET;
  }

  fire(): void {
    this.dueTick = NOT_SET;
    this.run();
  }
}

/** Before every tick. */
const NOT_SET = -1;
