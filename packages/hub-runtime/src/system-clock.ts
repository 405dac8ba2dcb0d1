import { randomBytes } from "node:crypto";
import type { Cancel, Clock, RandomHex } from "./ports.ts";

/** The longest delay that a timer of Node takes; it fires after 1 ms for a longer one. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clocks and timers, for delays of any length. `every` alone does not keep a process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  every(everyMs, run) {
    if (everyMs <= TIMER_MS_MAX) {
      const timer = setInterval(run, everyMs);
      timer.unref();
      return () => clearInterval(timer);
    }
    const next = () =>
      startTimer(everyMs, { keepsAlive: false }, () => {
        cancel = next();
        run();
      });
    let cancel = next();
    return () => cancel();
  },
  after(delayMs, run) {
    // A delay of 0 means "after what has arrived so far": an immediate runs before the next frame is read, a timer may not.
    if (delayMs === 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    return startTimer(delayMs, { keepsAlive: true }, run);
  },
};

function startTimer(delayMs: number, kind: { keepsAlive: boolean }, run: () => void): Cancel {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number) => {
    const isLast = leftMs <= TIMER_MS_MAX;
    timer = isLast ? setTimeout(run, leftMs) : setTimeout(() => wait(leftMs - TIMER_MS_MAX), TIMER_MS_MAX);
    if (!kind.keepsAlive) timer.unref();
  };
  wait(delayMs);
  return () => clearTimeout(timer);
}

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
