import { expect, test } from "vitest";
import { busiestLoop } from "./loop-time.ts";

test("the busiest node counts, over the time between two looks", () => {
  const before = [
    { activeMs: 1_000, idleMs: 0 },
    { activeMs: 0, idleMs: 1_000 },
  ];
  const after = [
    { activeMs: 1_100, idleMs: 900 },
    { activeMs: 750, idleMs: 1_250 },
  ];
  expect(busiestLoop(before, after)).toBe(0.75);
});

test.each([
  [[], []],
  [[{ activeMs: 1, idleMs: 1 }], []],
  [[], [{ activeMs: 1, idleMs: 1 }]],
])("a hub that does not tell, or has another number of nodes than before: %j, %j", (before, after) => {
  expect(busiestLoop(before, after)).toBeNull();
});
