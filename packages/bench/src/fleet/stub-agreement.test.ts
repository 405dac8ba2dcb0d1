import { describe, expect, it } from "vitest";
import { ratioLessOne } from "./stub-agreement.ts";
import { TaskTimes } from "./task-times.ts";

describe("a ratio of two runs of the same tasks", () => {
  const tasks = Array.from({ length: 200 }, (_, number) => 1 + ((number * 37) % 50));

  it("is exact where one run is the other, slower by a tenth, however the tasks vary", () => {
    const slower = tasks.map((seconds) => seconds * 1.1);
    const { value, low, high } = ratioLessOne(slower, tasks);
    expect([value, low, high].map((figure) => figure.toFixed(6))).toEqual(["0.100000", "0.100000", "0.100000"]);
  });

  it("has an interval that holds the truth where single tasks differ, and is narrower for more of them", () => {
    const noisy = (count: number) => {
      const plain = Array.from({ length: count }, (_, number) => 1 + ((number * 37) % 50));
      return ratioLessOne(
        plain.map((seconds, number) => seconds * (1 + 0.3 * Math.sin(number * 7.1))),
        plain,
      );
    };
    const [few, many] = [noisy(200), noisy(5_000)];
    for (const { low, high } of [few, many]) {
      expect(low).toBeLessThan(0);
      expect(high).toBeGreaterThan(0);
    }
    expect(many.high - many.low).toBeLessThan((few.high - few.low) / 2);
  });

  it("has no interval from fewer tasks than batches", () => {
    expect(ratioLessOne([1, 2], [1, 2])).toMatchObject({ value: 0, low: Number.NEGATIVE_INFINITY });
  });
});

it("task times are complete up to the first task that has not ended, in whatever order they end", () => {
  const times = new TaskTimes();
  for (const number of [1, 0, 3]) times.note({ number, seconds: number + 1, failed: number === 1 });
  expect(times.firstOpen).toBe(2);
  expect(times.between(0, times.firstOpen)).toEqual([1, 2]);
  expect(times.failedBetween(0, 2)).toBe(1);
  times.note({ number: 2, seconds: 3, failed: false });
  expect(times.firstOpen).toBe(4);
});
