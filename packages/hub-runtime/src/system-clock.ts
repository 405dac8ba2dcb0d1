import { randomBytes } from "node:crypto";
import type { Clock, RandomHex } from "./ports.ts";

/** The machine's wall clock and timers. `every` alone does not keep a process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  every(everyMs, run) {
    const timer = setInterval(run, everyMs);
    timer.unref();
    return () => clearInterval(timer);
  },
  after(delayMs, run) {
    // A delay of 0 means "after what has arrived so far": an immediate runs before the next frame is read, a timer may not.
    if (delayMs === 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export const systemRandomHex: RandomHex = (byteCount) => randomBytes(byteCount).toString("hex");
