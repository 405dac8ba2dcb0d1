import { expect, it } from "vitest";
import { identifyBackoffMs, recordViolation, type ViolationLog } from "./violations.ts";

/** Whether each violation at these times closes the connection. */
function closures(...timesMs: number[]): boolean[] {
  let log: ViolationLog | undefined;
  return timesMs.map((atMs) => {
    const recorded = recordViolation(log, atMs);
    log = recorded.log;
    return recorded.close;
  });
}

it("closes at the tenth violation within a minute", () => {
  const nine = Array.from({ length: 9 }, (_, index) => index);
  expect(closures(...nine, 59_999)).toEqual([...nine.map(() => false), true]);
  expect(closures(...nine, 60_000)).toEqual([...nine.map(() => false), false]);
});

it("never closes for violations that keep apart", () => {
  expect(closures(...Array.from({ length: 50 }, (_, index) => index * 6_700))).not.toContain(true);
});

it("keeps no more times than it needs", () => {
  let log: ViolationLog = [];
  for (let round = 0; round < 100; round++) ({ log } = recordViolation(log, 5));
  expect(log).toHaveLength(10);
});

it.each([
  [0, 0],
  [1, 30_000],
  [2, 60_000],
  [3, 300_000],
  [17, 300_000],
])("after %i closures identify waits %i ms", (count, waitMs) => {
  expect(identifyBackoffMs(count)).toBe(waitMs);
});
