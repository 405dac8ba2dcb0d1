import type { Cancel } from "../clock.ts";
import type { ScaledTime } from "./scaled-time.ts";

/** Real time between two writes of a stream: at 100 tokens/s one token each; what came in between goes out in one write. */
const TICK_MS = 10;

/** One interval for all streams of a stub, which runs only while there are any. */
export class Ticker {
  private readonly time: ScaledTime;
  private readonly streams = new Set<() => void>();
  private stop: Cancel | undefined;

  constructor(time: ScaledTime) {
    this.time = time;
  }

  add(onTick: () => void): Cancel {
    this.streams.add(onTick);
    this.stop ??= this.time.every(TICK_MS, () => {
      for (const run of this.streams) run();
    });
    return () => {
      this.streams.delete(onTick);
      if (this.streams.size === 0) this.close();
    };
  }

  close(): void {
    this.stop?.();
    this.stop = undefined;
  }
}
