import { TIMERS } from "@hubscale/protocol";
import { expect, test } from "vitest";
import type { LookUp } from "../load/submitter.ts";
import { WAIT_MS, waitedFor, waitForTimeouts } from "./reference-timeouts.ts";

const ASSIGNED: LookUp = { status: "assigned", by: "a-1" };
const QUEUED: LookUp = { status: "queued", by: null };

/** A hub at which task i ends so many milliseconds after the end of the load, or so many after the skip, or never. */
async function waitAt(tasks: { endsMs?: number; afterSkipMs?: number; said?: LookUp }[]) {
  let elapsedMs = 30_000;
  const skips: { atMs: number; ms: number }[] = [];
  const isOpen = ({ endsMs, afterSkipMs }: (typeof tasks)[number]) => {
    const skippedMs = skips[0]?.atMs;
    const dueMs = afterSkipMs !== undefined && skippedMs !== undefined ? skippedMs + afterSkipMs : endsMs;
    return dueMs === undefined || dueMs > elapsedMs;
  };
  const open = () => tasks.flatMap((task, index) => (isOpen(task) ? [String(index)] : []));
  await waitForTimeouts({
    timeouts: { skip: (ms) => skips.push({ atMs: elapsedMs, ms }) },
    open,
    lookUp: (index) => Promise.resolve(tasks[Number(index)]?.said ?? ASSIGNED),
    elapsedMs: () => elapsedMs,
    look: () => {
      elapsedMs += 500;
      return Promise.resolve();
    },
  });
  return { elapsedMs, skips, open: open() };
}

test("nothing is waited for where nothing is open", async () => {
  expect(await waitAt([])).toEqual({ elapsedMs: 30_000, skips: [], open: [] });
});

test("who was given 60 s to accept has them, and no clock is set", async () => {
  expect(await waitAt([{ endsMs: 61_000 }])).toEqual({ elapsedMs: 61_000, skips: [], open: [] });
});

test("what waits for a sweep gets one: the clock goes ahead by the longest that a sweep waits, once", async () => {
  const { skips, open, elapsedMs } = await waitAt([{ endsMs: 61_000 }, { afterSkipMs: 30_500 }]);
  expect(open).toEqual([]);
  expect(skips).toEqual([{ atMs: 70_000, ms: TIMERS.stuckWorkingMs }]);
  expect(elapsedMs).toBeLessThanOrEqual(WAIT_MS);
});

test("a queued task is not made to expire, and is left as it is", async () => {
  expect(await waitAt([{ said: QUEUED }])).toEqual({ elapsedMs: WAIT_MS, skips: [], open: ["0"] });
});

test("a task waited for what its history names", () => {
  expect(waitedFor(["completed", "assigned", "acceptance_timeout", "assigned", "queued"])).toBe("acceptance_timeout");
  expect(waitedFor(["completed", "assigned", "stuck", "assigned", "queued"])).toBe("stuck");
  expect(waitedFor(["completed", "assigned", "agent_disconnected", "assigned", "queued"])).toBeUndefined();
  expect(waitedFor([])).toBeUndefined();
});
