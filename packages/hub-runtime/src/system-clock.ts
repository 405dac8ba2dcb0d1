import { randomBytes } from "node:crypto";
import type { Clock, RandomHex } from "./ports.ts";

/** The machine's clocks and timers. `every` alone does not keep a process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
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

/** Ids take a few bytes each, and a call for random bytes costs more than the bytes: they are drawn by the pool. */
export const systemRandomHex: RandomHex = pooledRandomHex();

function pooledRandomHex(): RandomHex {
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  return (byteCount) => {
    if (byteCount > POOL_BYTES) return randomBytes(byteCount).toString("hex");
    if (used + byteCount > pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += byteCount;
    const drawn = pool.subarray(used - byteCount, used);
    const hex = drawn.toString("hex");
    // What was handed out, perhaps as a token, does not stay in memory.
    drawn.fill(0);
    return hex;
  };
}

const POOL_BYTES = 4096;
