import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "./system-clock.ts";

// They fire after 1 ms when a delay is too long for them, as Node's timers do.
beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const LONG_MS = 3 * 2 ** 31;

test.each([1, 2 ** 31 - 1, 2 ** 31, LONG_MS])("a delay of %d ms takes that long", (delayMs) => {
  let fired = 0;
  systemClock.after(delayMs, () => fired++);
  vi.advanceTimersByTime(delayMs - 1);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
  vi.advanceTimersByTime(2 * delayMs);
  expect(fired).toBe(1);
});

test("a cancelled long delay never ends, wherever it is", () => {
  let fired = 0;
  const cancels = [0, 1, 2].map(() => systemClock.after(LONG_MS, () => fired++));
  for (const cancel of cancels) {
    cancel();
    vi.advanceTimersByTime(2 ** 31);
  }
  vi.advanceTimersByTime(LONG_MS);
  expect(fired).toBe(0);
  systemClock.after(Number.POSITIVE_INFINITY, () => fired++);
  vi.advanceTimersByTime(10 * LONG_MS);
  expect(fired).toBe(0);
});

test("a long period recurs until it is cancelled", () => {
  let fired = 0;
  const cancel = systemClock.every(LONG_MS, () => {
    // One that recurs every millisecond would hold the test up for hours.
    if (++fired > 2) cancel();
  });
  vi.advanceTimersByTime(LONG_MS - 1);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(1 + LONG_MS);
  expect(fired).toBe(2);
  cancel();
  vi.advanceTimersByTime(2 * LONG_MS);
  expect(fired).toBe(2);
});
