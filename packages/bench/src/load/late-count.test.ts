import { expect, test } from "vitest";
import { type Awaited, LateCount } from "./late-count.ts";

const bound = { stage: "assign", boundMs: 100, share: 0.01 } as const;

function fed(planned: number, submissions: readonly Awaited[]) {
  const count = new LateCount(bound, planned);
  for (const submission of submissions) count.add(submission);
  return count;
}

test("one in a hundred may be late; the next one ends the trial, and not before its time is up", () => {
  const count = fed(100, [
    { intendedMs: 0, tookMs: 150 },
    { intendedMs: 10, tookMs: 20 },
    { intendedMs: 20, tookMs: undefined },
  ]);
  expect(count.isHopeless(119)).toBe(false);
  expect(count.isHopeless(120)).toBe(true);
});

test("what is reached in time before it is looked at is not late", () => {
  const submission: Awaited = { intendedMs: 0, tookMs: undefined };
  const count = fed(1, [submission]);
  expect(count.isHopeless(99)).toBe(false);
  submission.tookMs = 99;
  expect(count.isHopeless(500)).toBe(false);
});
