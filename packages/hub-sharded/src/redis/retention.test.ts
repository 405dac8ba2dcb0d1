import { expect, test } from "vitest";
import { oldestOf } from "./retention.ts";

test("the oldest of several lists, told by list", () => {
  expect(oldestOf([[1, 4, 9], [2, 3], [], [8]], 4)).toEqual([2, 2, 0, 0]);
  expect(oldestOf([[1], [2]], 5)).toEqual([1, 1]);
  expect(oldestOf([[5, 6], [7]], 0)).toEqual([0, 0]);
});
