/** What `bench calibrate dets` writes: schema `hubscale.calibration/1`; and what a result says by it of the hub that the twin stands for. */
import { type Static, Type } from "typebox";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { amount, count, environment, nullable, positive, text, texts, timestamp } from "../results/field-schemas.ts";

export const CALIBRATION_SCHEMA = "hubscale.calibration/1";

const ERLANG_FACTS = Type.Object({ otpRelease: text(), origin: text() });
export type ErlangFacts = Static<typeof ERLANG_FACTS>;

const RECORDED_FROM = Type.Object({ startedAt: timestamp(), erlang: ERLANG_FACTS, environment: environment() });
export type RecordedFrom = Static<typeof RECORDED_FROM>;

/** Of times: something is divided by them. */
const TIME = Type.Object({ value: positive(), low: positive(), high: positive(), n: count(), unit: text() });

const OPERATION_RESULT = Type.Object({
  twinMs: TIME,
  /** When DETS was recorded: of that machine, not of this one. Null: not measured and not recorded at this size. */
  detsMs: nullable(TIME),
  /** Twin over DETS, round by round, so that what slowed both down for a while cancels; below 1 the twin is faster. */
  ratio: nullable(TIME),
});
export type OperationResult = Static<typeof OPERATION_RESULT>;

const OPERATIONS = Type.Object({
  insertSync: Type.Optional(OPERATION_RESULT),
  insert: Type.Optional(OPERATION_RESULT),
  lookup: Type.Optional(OPERATION_RESULT),
  fold: Type.Optional(OPERATION_RESULT),
});

const SIZE_RESULT = Type.Object({
  /** In both tables, before and after each round. */
  rows: count(),
  rounds: count(),
  operations: OPERATIONS,
  /** A bare append of a row and fdatasync, in turn with the tables. */
  appendSyncMs: ESTIMATE,
});
export type SizeResult = Static<typeof SIZE_RESULT>;

const WALL = Type.Object({
  limitBytes: amount(),
  /** One row for each task, never pruned. */
  tasks: ESTIMATE,
  after: Type.Array(Type.Object({ tasksPerSec: amount(), seconds: ESTIMATE })),
});
export type Wall = Static<typeof WALL>;

export const CALIBRATION = Type.Object({
  schema: Type.Literal(CALIBRATION_SCHEMA),
  startedAt: timestamp(),
  wallSeconds: amount(),
  /** The twin and the disk are always measured here; this says whether DETS was too. */
  dets: Type.Union([
    Type.Object({ source: Type.Literal("measured"), erlang: ERLANG_FACTS }),
    Type.Object({ source: Type.Literal("recorded"), why: text(), recorded: RECORDED_FROM }),
  ]),
  environment: environment(),
  /** Bytes of one row, without what the store adds. */
  rowBytes: Type.Object({ dets: amount(), twin: amount() }),
  sizes: Type.Array(SIZE_RESULT),
  /** Null when no table was filled. */
  growth: Type.Object({ detsBytesPerRow: nullable(ESTIMATE), twinBytesPerRow: nullable(ESTIMATE) }),
  wall: nullable(WALL),
  notes: texts(),
});
export type Calibration = Static<typeof CALIBRATION>;

export const REAL_HUB_PREDICTION = Type.Object({
  /** The twin's result that it starts from. */
  of: text(),
  /** Of one task: changes of a row with their sync, and rows read in folds. */
  perTask: Type.Object({ changes: amount(), rowsFolded: amount() }),
  /** Times in its table as DETS takes them over times as the twin's table takes them, for that work. */
  tableRatio: ESTIMATE,
  /** The twin's capacity by that ratio: holds as far as the table is what holds the hub back. */
  tasksPerSec: ESTIMATE,
  /** One core does nothing but the table, which is one process there: more it cannot do, on the machine of the calibration. */
  tableCeilingTasksPerSec: ESTIMATE,
  calibration: Type.Object({ startedAt: timestamp(), erlang: ERLANG_FACTS, rows: count(), isRecorded: Type.Boolean() }),
});
export type RealHubPrediction = Static<typeof REAL_HUB_PREDICTION>;
