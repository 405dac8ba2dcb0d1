import { describe, expect, it } from "vitest";
import {
  aloneRungs,
  BESIDE_THE_TASK_PATH,
  EVERY_FIX,
  hubIdOf,
  inGroups,
  nameOf,
  orderByGain,
  REFERENCE,
  sumRungs,
} from "./rungs.ts";

describe("orderByGain", () => {
  it("puts the largest gain first and what was not told apart last, in the stated order", () => {
    const order = orderByGain([
      { fix: "C2", factor: null },
      { fix: "C3", factor: 8 },
      { fix: "C10", factor: 1.4 },
      { fix: "C1", factor: null },
      { fix: "C6", factor: 20 },
    ]);
    expect(order).toEqual(["C6", "C3", "C10", "C1", "C2"]);
  });

  it("does not take a loss for a gain", () => {
    expect(
      orderByGain([
        { fix: "C4", factor: 0.5 },
        { fix: "C3", factor: null },
        { fix: "C2", factor: 1.1 },
      ]),
    ).toEqual(["C2", "C3", "C4"]);
  });
});

describe("the rungs", () => {
  it("are the reference with each fix alone", () => {
    expect(aloneRungs(EVERY_FIX).map(hubIdOf)).toEqual(EVERY_FIX.map((fix) => `single-reference+${fix}`));
    expect(hubIdOf(REFERENCE)).toBe("single-reference");
  });

  it("and the sums, up to all of them, without measuring the first fix twice", () => {
    const rungs = sumRungs(["C3", "C1", "C10"]);
    expect(rungs.map(hubIdOf)).toEqual(["single-reference+C1+C3", "single-reference+C1+C3+C10"]);
    expect(rungs.map((rung) => rung.added)).toEqual([["C1"], ["C10"]]);
    expect(sumRungs(EVERY_FIX)).toHaveLength(10);
    expect(nameOf(sumRungs(EVERY_FIX).at(-1) ?? REFERENCE)).toBe("… +C11 = all");
  });

  it("take what lies beside the task path in one last step, where that is asked for", () => {
    const rungs = sumRungs(["C5", "C3", "C1", "C11"], BESIDE_THE_TASK_PATH);
    expect(rungs.map((rung) => rung.added)).toEqual([["C1"], ["C5", "C11"]]);
    expect(rungs.at(-1)?.fixes).toEqual(["C3", "C1", "C5", "C11"]);
  });

  it("of one fix have no sum", () => {
    expect(sumRungs(["C3"])).toEqual([]);
  });
});

it("groups neighbours, the last group may be smaller", () => {
  expect(inGroups([1, 2, 3], 2)).toEqual([[1, 2], [3]]);
  expect(inGroups([], 2)).toEqual([]);
});
