import { expect, test } from "vitest";
import { CACHED_MS, Cached } from "./cached.ts";
import { ManualClock } from "./testing/manual-clock.ts";

test("reads once for all who ask within five seconds, and again after a failure", async () => {
  const clock = new ManualClock();
  let reads = 0;
  let fails = false;
  const cached = new Cached(clock, async () => {
    reads++;
    if (fails) throw new Error("not now");
    return reads;
  });
  expect(await Promise.all([cached.get(), cached.get(), cached.get()])).toEqual([1, 1, 1]);
  clock.advance(CACHED_MS - 1);
  expect(await cached.get()).toBe(1);
  clock.advance(1);
  fails = true;
  await expect(Promise.all([cached.get(), cached.get()])).rejects.toThrow("not now");
  expect(reads).toBe(2);
  fails = false;
  expect(await cached.get()).toBe(3);
});
