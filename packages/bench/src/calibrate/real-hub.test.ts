import { expect, it } from "vitest";
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { recordAsCalibration } from "./calibration-file.ts";
import type { Calibration, OperationResult, SizeResult } from "./calibration.ts";
import { predictRealHub } from "./real-hub.ts";
import { realHubLines } from "./real-hub-text.ts";

function exactly(value: number, unit = "ms"): Estimate {
  return { value, low: value, high: value, n: 10, unit };
}

/** DETS takes twice the twin's time for a sync, and half of it for a fold. */
function size(rows: number, foldMs: number): SizeResult {
  const operation = (twinMs: number, ratio: number): OperationResult => ({
    twinMs: exactly(twinMs),
    detsMs: exactly(twinMs / ratio),
    ratio: exactly(ratio, "×"),
  });
  const operations = { insertSync: operation(1, 0.5), ...(rows > 0 && { fold: operation(foldMs, 2) }) };
  return { rows, rounds: 10, operations, appendSyncMs: exactly(0.2) };
}

const CALIBRATION: Calibration = {
  ...recordAsCalibration(),
  sizes: [size(0, 0), size(1_000, 10), size(50_000, 1_000)],
};

const TWIN = {
  id: "single-reference",
  valid: true,
  capacity: { tasksPerSec: exactly(12, "tasks/s") },
  workPerTask: { fsyncs: exactly(12), rowsRead: exactly(3_000) },
} as unknown as HubResult;

it("weighs what DETS takes for each kind of work by how much of it a task is", () => {
  // Twin: 6 changes of 1 ms and 3 folds of 10 ms; DETS: 6 of 2 ms and 3 of 5 ms.
  const prediction = predictRealHub(TWIN, 1_500, CALIBRATION);
  expect(prediction?.perTask).toEqual({ changes: 6, rowsFolded: 3_000 });
  expect(prediction?.tableRatio.value).toBeCloseTo(27 / 36, 9);
  expect(prediction?.tasksPerSec.value).toBeCloseTo(12 / (27 / 36), 9);
  expect(prediction?.tableCeilingTasksPerSec.value).toBeCloseTo(1000 / 27, 9);
  expect(prediction?.calibration.rows).toBe(1_000);
});

it("is as uncertain as the ratios that it rests on", () => {
  const [, calibrated] = CALIBRATION.sizes;
  const { fold, insertSync } = (calibrated as SizeResult).operations;
  const wide = { ...(fold as OperationResult), ratio: { ...exactly(2), low: 1, high: 4 } };
  const sizes = [{ ...(calibrated as SizeResult), operations: { insertSync: insertSync as OperationResult, fold: wide } }];
  const prediction = predictRealHub(TWIN, 1_000, { ...CALIBRATION, sizes });
  expect(prediction?.tableRatio).toMatchObject({ low: (12 + 7.5) / 36, high: (12 + 30) / 36 });
  expect(prediction?.tasksPerSec.low).toBeCloseTo(12 / (42 / 36), 9);
});

it("is none without a capacity, without counted work, or without a fold of DETS", () => {
  expect(predictRealHub({ ...TWIN, valid: false }, 1_000, CALIBRATION)).toBeNull();
  expect(predictRealHub({ ...TWIN, workPerTask: {} }, 1_000, CALIBRATION)).toBeNull();
  expect(predictRealHub(TWIN, 1_000, { ...CALIBRATION, sizes: [size(0, 0)] })).toBeNull();
  expect(realHubLines(null)).toEqual([]);
});

it("says that it is a prediction, and on whose figures it rests", () => {
  const text = realHubLines(predictRealHub(TWIN, 1_000, recordAsCalibration())).join("\n");
  expect(text).toMatch(/^PREDICTION .* not measured/);
  expect(text).toContain("recorded calibration of");
});
