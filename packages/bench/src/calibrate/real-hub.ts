/**
 * What the twin's figures mean for the hub that it stands for: a prediction, from what the twin counted of its own work and from
 * what that work takes in DETS. Pure.
 */
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import type { Calibration, OperationResult } from "./calibration.ts";
import type { RealHubPrediction } from "./calibration-schema.ts";

export type { RealHubPrediction };

/** Null where the twin or the calibration says too little. */
export function predictRealHub(hub: HubResult, completedRows: number, calibration: Calibration): RealHubPrediction | null {
  const capacity = hub.capacity.tasksPerSec;
  const { fsyncs, rowsRead } = hub.workPerTask;
  const size = nearestSize(calibration, completedRows);
  if (!hub.valid || !capacity || !fsyncs || !rowsRead || !size) return null;
  const { rows, insertSync, fold } = size;
  // The twin syncs twice a change, as DETS does within its one sync.
  const perTask = { changes: fsyncs.value / SYNCS_PER_CHANGE, rowsFolded: rowsRead.value };
  const parts = [
    { operation: insertSync, count: perTask.changes },
    { operation: fold, count: perTask.rowsFolded / rows },
  ];
  const twinMs = sum(parts.map(({ operation, count }) => count * operation.twinMs.value));
  /** The ratios were taken round by round: they carry less of the machine's noise than the times do. */
  const detsMs = (ratioOf: (ratio: Estimate) => number) =>
    sum(parts.map(({ operation, count }) => (count * operation.twinMs.value) / ratioOf(operation.ratio)));
  const n = Math.min(...parts.map(({ operation }) => operation.ratio.n));
  const tableRatio: Estimate = {
    value: detsMs(({ value }) => value) / twinMs,
    low: detsMs(({ high }) => high) / twinMs,
    high: detsMs(({ low }) => low) / twinMs,
    n,
    unit: "×",
  };
  const timesIn = (of: (dets: Estimate) => number) => sum(parts.map(({ operation, count }) => count * of(operation.detsMs)));
  return {
    of: hub.id,
    perTask,
    tableRatio,
    tasksPerSec: slowed(capacity, tableRatio),
    tableCeilingTasksPerSec: {
      value: 1000 / timesIn(({ value }) => value),
      low: 1000 / timesIn(({ high }) => high),
      high: 1000 / timesIn(({ low }) => low),
      n,
      unit: "tasks/s",
    },
    calibration: { ...originOf(calibration), rows },
  };
}

const SYNCS_PER_CHANGE = 2;

interface UsableSize {
  rows: number;
  insertSync: Measured;
  fold: Measured;
}

type Measured = { [K in keyof OperationResult]: NonNullable<OperationResult[K]> };

/** By the logarithm: what a row costs changes slowly with their number. */
function nearestSize({ sizes }: Calibration, completedRows: number): UsableSize | undefined {
  const usable = sizes.flatMap(({ rows, operations: { insertSync, fold } }): UsableSize[] =>
    rows > 0 && isMeasured(insertSync) && isMeasured(fold) ? [{ rows, insertSync, fold }] : [],
  );
  const distance = ({ rows }: UsableSize) => Math.abs(Math.log(rows / Math.max(1, completedRows)));
  return usable.toSorted((a, b) => distance(a) - distance(b))[0];
}

function isMeasured(operation: OperationResult | undefined): operation is Measured {
  return operation !== undefined && operation.detsMs !== null && operation.ratio !== null;
}

function originOf({ dets, startedAt }: Calibration) {
  const { erlang, startedAt: at } = dets.source === "measured" ? { erlang: dets.erlang, startedAt } : dets.recorded;
  return { erlang, startedAt: at, isRecorded: dets.source === "recorded" };
}

/** A quotient of independent estimates: their relative errors add up as the root of their squares, each side for itself. */
function slowed(rate: Estimate, by: Estimate): Estimate {
  const value = rate.value / by.value;
  const down = Math.hypot(Math.log(rate.value / rate.low), Math.log(by.high / by.value));
  const up = Math.hypot(Math.log(rate.high / rate.value), Math.log(by.value / by.low));
  return { value, low: value * Math.exp(-down), high: value * Math.exp(up), n: Math.min(rate.n, by.n), unit: rate.unit };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
