import { describe, expect, it } from "vitest";
import { seededRandom } from "../measure/estimate.ts";
import { growthOf, type OperationResult, type Round, sizeResultOf, type SizeResult, wallOf } from "./calibration.ts";

/** The machine is `slow` times slower in this round, for both stores alike. */
function round(slow: number): Round {
  return {
    twin: { insertSync: { ms: 50 * slow, count: 100 }, fold: { ms: 30 * slow, count: 3 } },
    dets: { insertSync: { ms: 40 * slow, count: 40 }, fold: { ms: 40 * slow, count: 2 } },
    appendSyncMs: 0.2 * slow,
  };
}

const given = () => ({ recorded: undefined, random: seededRandom(1) });

describe("sizeResultOf", () => {
  it("gives milliseconds for one operation, and the ratio of the stores", () => {
    const { operations, appendSyncMs, rounds } = sizeResultOf(1_000, [round(1), round(1), round(1)], given());
    expect(rounds).toBe(3);
    expect(operations.insertSync?.twinMs.value).toBeCloseTo(0.5);
    expect(operations.insertSync?.detsMs?.value).toBeCloseTo(1);
    expect(operations.insertSync?.ratio).toMatchObject({ value: 0.5, n: 3, unit: "×" });
    expect(operations.fold?.ratio?.value).toBeCloseTo(0.5);
    expect(operations.lookup).toBeUndefined();
    expect(appendSyncMs.value).toBeCloseTo(0.2);
  });

  it("lets what slowed both stores down cancel in the ratio, but not in the times", () => {
    const { operations } = sizeResultOf(1_000, [round(1), round(4), round(1), round(4)], given());
    const { ratio, twinMs } = operations.insertSync as OperationResult;
    expect(ratio).toMatchObject({ low: ratio?.high, value: ratio?.high });
    expect(twinMs.high - twinMs.low).toBeGreaterThan(0.2);
  });

  it("without DETS takes its time and the ratio from the record, and the twin's from here", () => {
    const recorded = sizeResultOf(1_000, [round(1)], given());
    const here = sizeResultOf(1_000, [{ ...round(10), dets: undefined }], { ...given(), recorded });
    expect(here.operations.insertSync?.twinMs.value).toBeCloseTo(5);
    expect(here.operations.insertSync?.detsMs?.value).toBeCloseTo(1);
    expect(here.operations.insertSync?.ratio?.value).toBeCloseTo(0.5);
  });

  it("without DETS and without a record of that size gives no ratio", () => {
    const here: SizeResult = sizeResultOf(7, [{ ...round(1), dets: undefined }], given());
    expect(here.operations.fold).toMatchObject({ twinMs: { value: 10 }, detsMs: null, ratio: null });
  });
});

it("growth is over rows that were written, whatever their number", () => {
  const fills = [
    { bytes: 4_000_000, rows: 1_000 },
    { bytes: 40_000_000, rows: 10_000 },
  ];
  expect(growthOf(fills, seededRandom(1))).toMatchObject({ value: 4_000, low: 4_000, high: 4_000, unit: "B/row" });
  expect(growthOf([], seededRandom(1))).toBeUndefined();
});

it("the wall of 2 GB comes sooner at a higher rate, and the interval turns with the division", () => {
  const wall = wallOf({ value: 4_096, low: 2_048, high: 8_192, n: 3, unit: "B/row" }, [1, 10]);
  expect(wall.tasks).toMatchObject({ value: 524_288, low: 262_144, high: 1_048_576 });
  expect(wall.after[0]?.seconds.value).toBe(524_288);
  expect(wall.after[1]?.seconds).toMatchObject({ value: 52_428.8, low: 26_214.4, unit: "s" });
});
