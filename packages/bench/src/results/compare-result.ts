/** What `bench compare` writes: `results.json`, schema `hubscale.compare/1`. Every reader (terminal, Markdown, HTML, diff) takes this. */
import { type Static, Type } from "typebox";
import { REAL_HUB_PREDICTION } from "../calibrate/calibration-schema.ts";
import { COMPARED_FLEET, FLEET_WALLS } from "../fleet/fleet-schema.ts";
import { LADDER_RESULT } from "../ladder/ladder-schema.ts";
import { ESTIMATE } from "../measure/estimate-schema.ts";
import { SCALING, SCALING_MODEL } from "../statistics/scaling-schema.ts";
import { THRESHOLD_CHECK } from "../thresholds/threshold-schema.ts";
import { amount, byName, count, environment, nullable, positive, signed, text, texts, timestamp } from "./field-schemas.ts";
import { HISTORY, type History } from "./history-schema.ts";
import {
  HISTOGRAMS,
  type RoleResources,
  STORED_TRIAL,
  type StageHistograms,
  type StoredTrial,
  type TrialSummary,
} from "./trial-summary.ts";

export type { History, RoleResources, StageHistograms, StoredTrial, TrialSummary };

/** Optional fields are those that results of earlier versions do not have. */
export const COMPARE_SCHEMA = "hubscale.compare/1";

/** Slices of load before anything is measured. */
const WARM_UP = Type.Object({
  /** CPU-ms of the hub and its backbone for a task, slice by slice; empty where they are not known. */
  cpuMsPerTask: Type.Array(amount()),
  sliceMs: amount(),
  /** The slice from which on the hub was steady; null: never, in the time that it had. */
  steadyFrom: nullable(count()),
  /** Tasks at a time that the hub kept up with, of as many as were tried; absent in results of earlier versions. */
  inFlight: Type.Optional(count()),
});
export type WarmUp = Static<typeof WARM_UP>;

/** The same hub under several CPU quotas, at a load in proportion. */
const LINEARITY = Type.Object({
  points: Type.Array(Type.Object({ cores: positive(), cpuMsPerTask: ESTIMATE })),
  /** Of the dearest to the cheapest point, less one. */
  shift: signed(),
  /** The shift is over the limit, also by the nearest ends of the two intervals. */
  flagged: Type.Boolean(),
});
export type Linearity = Static<typeof LINEARITY>;

/** One trial, without a quota. */
const HARNESS_FLOOR = Type.Object({
  /** Offered. */
  tasksPerSec: amount(),
  assignMsP50: amount(),
  assignMsP99: amount(),
  assignServiceMsP99: amount(),
  generatorCpuMsPerTask: amount(),
  scheduleLagMsP99: amount(),
});
export type HarnessFloor = Static<typeof HARNESS_FLOOR>;

/** What a role spends on a completed task, as the operating system has counted it; null where it does not tell. */
const ROLE_COST = Type.Object({
  cpuMs: nullable(ESTIMATE),
  /** Counted by the hub or the server itself. */
  fsyncs: nullable(ESTIMATE),
  /** Through read and write calls, sockets and files alike. */
  bytesIn: nullable(ESTIMATE),
  bytesOut: nullable(ESTIMATE),
  /** Of them, what went to the disk: page granular. */
  diskBytes: Type.Optional(nullable(ESTIMATE)),
  contextSwitches: Type.Optional(nullable(ESTIMATE)),
  /** At the end of a trial, not for a task. */
  rssMiB: Type.Optional(nullable(ESTIMATE)),
});
export type RoleCost = Static<typeof ROLE_COST>;

/** What was busy at the capacity. `utilisation` is a share of what the role was allowed (its quota, or one core each). */
const BOUND = Type.Object({
  role: nullable(text()),
  utilisation: nullable(amount()),
  explanation: text(),
});
export type Bound = Static<typeof BOUND>;

/** Rates are drawn on a logarithmic axis and divided by. */
const CAPACITY = Type.Object({ value: positive(), low: positive(), high: positive(), n: count(), unit: text() });

const TRIALS = Type.Array(STORED_TRIAL);

const DESCRIPTION = Type.Unsafe<unknown>(
  nullable(Type.Object({ servers: Type.Optional(Type.Array(Type.Object({ kind: text(), version: text() }))) })),
);

const HUB_RESULT = Type.Object({
  id: Type.String({ minLength: 1 }),
  valid: Type.Boolean(),
  invalidReasons: texts(),
  durability: Type.Object({ required: text(), verified: text(), how: text() }),
  /** Machines in the sense of the scale model: hub nodes and backbone servers. */
  machines: Type.Object({ hubNodes: positive(), backboneServers: count() }),
  capacity: Type.Object({
    /** As measured, under the CPU quota where there was one. Null: not found. */
    tasksPerSec: nullable(CAPACITY),
    streamingAgents: nullable(CAPACITY),
    messagesPerSec: nullable(CAPACITY),
    connections: nullable(CAPACITY),
  }),
  /** Why a capacity is missing, or how it is to be read ("at least": the machine ended before the hub). */
  capacityNotes: Type.Optional(
    Type.Object({
      tasksPerSec: Type.Optional(text()),
      streamingAgents: Type.Optional(text()),
      messagesPerSec: Type.Optional(text()),
      connections: Type.Optional(text()),
    }),
  ),
  /**
   * Over the held trials at 60 % of the capacity and more. Response: from the intended time, what a user waits. Service: from
   * the moment of sending; below the response by what the submission was late or had to wait for a connection.
   */
  latency: Type.Object({
    assignMsP50: nullable(ESTIMATE),
    assignMsP99: nullable(ESTIMATE),
    assignServiceMsP99: Type.Optional(nullable(ESTIMATE)),
    /** The same trials merged: HdrHistograms of whole microseconds, compressed, base64. */
    histograms: Type.Optional(nullable(HISTOGRAMS)),
  }),
  perTask: byName(ROLE_COST),
  history: HISTORY,
  /** How the capacity is to be read: what held it back, and on whose word. */
  bound: BOUND,
  /** What the hub counted of its own work, per completed task (fsyncs, rows read, scheduler passes, …): why it costs what it costs. */
  workPerTask: byName(ESTIMATE),
  trials: TRIALS,
  warmUp: Type.Optional(WARM_UP),
  /** Measured at effort full: does this hub cost the same for a task under every quota? */
  linearity: Type.Optional(LINEARITY),
  /** Of the quantities other than tasks. */
  quantityTrials: Type.Optional(
    Type.Object({
      tasksPerSec: Type.Optional(TRIALS),
      streamingAgents: Type.Optional(TRIALS),
      messagesPerSec: Type.Optional(TRIALS),
      connections: Type.Optional(TRIALS),
    }),
  ),
  /** What cannot be known of this hub, such as one that is not on this machine. */
  unknown: Type.Optional(texts()),
  /** What the running hub said of itself at the end. */
  describe: DESCRIPTION,
});
export type HubResult = Static<typeof HUB_RESULT>;

const DECISION = Type.Object({
  verdict: text(),
  /** The facts behind the verdict, each a sentence with its figures. */
  because: texts(),
  flipsWhen: texts(),
  cost: Type.Object({ nodes: nullable(amount()), of: text(), projected: Type.Boolean(), explanation: text() }),
  marginal: texts(),
});
export type Decision = Static<typeof DECISION>;

export const COMPARE_RESULT = Type.Object({
  schema: Type.Literal(COMPARE_SCHEMA),
  startedAt: timestamp(),
  wallSeconds: amount(),
  seed: count(),
  effort: text(),
  workload: Type.Object({
    name: text(),
    agents: count(),
    completedRows: count(),
    work: text(),
    streaming: Type.Boolean(),
  }),
  slo: text(),
  /** The SLO's bound as it was applied: stretched by the CPU quota (slow motion). */
  appliedBoundMs: positive(),
  isolation: Type.Object({ kind: text(), how: text(), coresPerMachine: nullable(positive()) }),
  environment: environment(),
  /** Trials that were kept from an earlier start of the same run. Each hub began anew with an empty store then. */
  resumed: Type.Optional(Type.Object({ trials: count(), startedAt: text() })),
  /** Of the harness itself, against a hub that does nothing: no latency below it is the hub's. */
  floor: Type.Optional(nullable(HARNESS_FLOOR)),
  hubs: Type.Array(HUB_RESULT),
  /** Order of the trials over all hubs, to check that they were interleaved. */
  order: texts(),
  decision: DECISION,
  /** Sizes that were not measured, by models that are scored. Results of earlier versions do not have it. */
  model: Type.Optional(SCALING_MODEL),
  /** What more nodes gave, for each family of hubs that was measured at two sizes or more, and what they would give beyond. */
  scaling: Type.Optional(Type.Array(SCALING)),
  /** What the twin's figures mean for the hub that it stands for: predicted, not measured. Null: too little is known for it. */
  realHub: Type.Optional(nullable(REAL_HUB_PREDICTION)),
  /** The hubs of this run in the shipped fleet: a model over stated parameters, with these hubs as measured. */
  fleet: Type.Optional(COMPARED_FLEET),
  /** Of that fleet and the hub in use, in order. */
  walls: Type.Optional(FLEET_WALLS),
  /** Of `bench ladder`, where one was handed over with `--ladder`. */
  ladder: Type.Optional(LADDER_RESULT),
  /** Of a run with `--thresholds`. */
  thresholds: Type.Optional(Type.Array(THRESHOLD_CHECK)),
  notMeasured: texts(),
});
export type CompareResult = Static<typeof COMPARE_RESULT>;
