/** What a calibration says, and how its figures come from the rounds. Pure. */
import { type Estimate, medianEstimate, ratioEstimate } from "../measure/estimate.ts";
import { OPERATIONS, type Operation } from "./timed-store.ts";
import {
  type Calibration,
  CALIBRATION_SCHEMA,
  type ErlangFacts,
  type OperationResult,
  type RecordedFrom,
  type SizeResult,
  type Wall,
} from "./calibration-schema.ts";

export type { Calibration, ErlangFacts, OperationResult, RecordedFrom, SizeResult, Wall };
export { CALIBRATION_SCHEMA };

/** A DETS file holds at most 2 GB (Erlang/OTP, dets(3)). */
export const DETS_LIMIT_BYTES = 2 ** 31;

/** Milliseconds and operations of one store in one round. */
export interface Timing {
  ms: number;
  count: number;
}

export interface Round {
  twin: Partial<Record<Operation, Timing>>;
  dets: Partial<Record<Operation, Timing>> | undefined;
  /** Undefined when time was short. */
  appendSyncMs: number | undefined;
}

/** Figures of one table size. `recorded` stands in for DETS where the rounds have none. */
export function sizeResultOf(
  rows: number,
  rounds: readonly Round[],
  { recorded, random }: { recorded: SizeResult | undefined; random: () => number },
): SizeResult {
  const operations: SizeResult["operations"] = {};
  for (const operation of OPERATIONS) {
    const result = operationResultOf(operation, rounds, recorded?.operations[operation], random);
    if (result) operations[operation] = result;
  }
  const appends = rounds.flatMap((round) => round.appendSyncMs ?? []);
  const appendSyncMs = medianEstimate(appends, "ms", random);
  if (!appendSyncMs) throw new RangeError("no rounds");
  return { rows, rounds: rounds.length, operations, appendSyncMs };
}

function operationResultOf(
  operation: Operation,
  rounds: readonly Round[],
  recorded: OperationResult | undefined,
  random: () => number,
): OperationResult | undefined {
  const twin = rounds.flatMap((round) => round.twin[operation] ?? []);
  const dets = rounds.flatMap((round) => round.dets?.[operation] ?? []);
  const twinMs = medianEstimate(twin.map(msEach), "ms", random);
  if (!twinMs) return undefined;
  if (dets.length === 0) return { twinMs, detsMs: recorded?.detsMs ?? null, ratio: recorded?.ratio ?? null };
  const detsMs = medianEstimate(dets.map(msEach), "ms", random) ?? null;
  const pairs = rounds.flatMap(({ twin: ours, dets: theirs }) => {
    const [a, b] = [ours[operation], theirs?.[operation]];
    return a && b ? [msEach(a) / msEach(b)] : [];
  });
  return { twinMs, detsMs, ratio: medianEstimate(pairs, "×", random) ?? null };
}

const msEach = ({ ms, count }: Timing) => ms / count;

/** Bytes that a table has grown by for each row that was written into it empty. */
export function growthOf(fills: readonly { bytes: number; rows: number }[], random: () => number): Estimate | undefined {
  return ratioEstimate(
    fills.map(({ bytes, rows }) => ({ numerator: bytes, denominator: rows })),
    "B/row",
    random,
  );
}

export function wallOf(detsBytesPerRow: Estimate, taskRates: readonly number[]): Wall {
  const { value, low, high, n } = detsBytesPerRow;
  const tasks = {
    value: DETS_LIMIT_BYTES / value,
    low: DETS_LIMIT_BYTES / high,
    high: DETS_LIMIT_BYTES / low,
    n,
    unit: "tasks",
  };
  const after = taskRates.map((tasksPerSec) => ({
    tasksPerSec,
    seconds: {
      value: tasks.value / tasksPerSec,
      low: tasks.low / tasksPerSec,
      high: tasks.high / tasksPerSec,
      n,
      unit: "s",
    },
  }));
  return { limitBytes: DETS_LIMIT_BYTES, tasks, after };
}

/** The recorded size of the same number of rows; undefined when there is none, and then there is no ratio to give. */
export function recordedSize(recorded: Calibration, rows: number): SizeResult | undefined {
  return recorded.sizes.find((size) => size.rows === rows);
}
