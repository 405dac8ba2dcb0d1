/**
 * A token bucket that takes amounts, refilled continuously. Unlike `hub-core`'s rate limit (one token a request) it serves
 * token counts and bytes, gives back what a reservation did not use, and says when an amount will be there.
 */
export class TokenBucket {
  readonly capacity: number;
  readonly refillPerSec: number;
  private level: number;
  private atMs: number;

  /** Full at first. `refillPerSec` above 0. */
  constructor({ capacity, refillPerSec }: { capacity: number; refillPerSec: number }, nowMs: number) {
    this.capacity = capacity;
    this.refillPerSec = refillPerSec;
    this.level = capacity;
    this.atMs = nowMs;
  }

  /** What is there at `nowMs`; below 0 while a charge is being paid off. A time before the last one refills nothing. */
  levelAt(nowMs: number): number {
    this.refill(nowMs);
    return this.level;
  }

  /** Takes the whole amount or nothing. */
  take(amount: number, nowMs: number): boolean {
    this.refill(nowMs);
    if (this.level + ROUNDING < amount) return false;
    this.level -= amount;
    return true;
  }

  /** Takes the amount whatever is there; the level may fall below 0. */
  charge(amount: number, nowMs: number): void {
    this.refill(nowMs);
    this.level -= amount;
  }

  /** Puts back what was taken and not used, up to the capacity. */
  giveBack(amount: number, nowMs: number): void {
    this.refill(nowMs);
    this.level = Math.min(this.capacity, this.level + amount);
  }

  /** Milliseconds until `amount` is there if nobody else takes; Infinity for more than the bucket can hold. */
  msUntil(amount: number, nowMs: number): number {
    this.refill(nowMs);
    if (amount > this.capacity) return Number.POSITIVE_INFINITY;
    return Math.max(0, ((amount - this.level) / this.refillPerSec) * 1_000);
  }

  private refill(nowMs: number): void {
    if (nowMs <= this.atMs) return;
    this.level = Math.min(this.capacity, this.level + ((nowMs - this.atMs) / 1_000) * this.refillPerSec);
    this.atMs = nowMs;
  }
}

/** Who waits exactly as long as `msUntil` says must succeed, although the sums round. */
const ROUNDING = 1e-6;
