import { expect, test } from "vitest";
import { steadyFrom } from "./change-point.ts";

test.each<[string, number[], number | null]>([
  ["level from the start", [10, 10.2, 9.9, 10.1, 10], 0],
  ["level after two slow slices", [40, 22, 10.2, 9.9, 10.1, 10], 2],
  ["level after a jump in the middle", [20, 20.3, 19.8, 10, 10.1, 9.9, 10.2], 3],
  ["still falling", [40, 34, 29, 24.5, 21, 17.8, 15], null],
  ["just fallen", [20, 20, 20, 20, 10, 10], null],
  ["too short to tell", [10, 10, 10], null],
])("%s", (_, values, expected) => {
  expect(steadyFrom(values)).toBe(expected);
});

test("noise of a few percent is no change", () => {
  expect(steadyFrom([10.3, 9.6, 10.1, 9.9, 10.4, 9.7, 10.2, 9.8])).toBe(0);
});
