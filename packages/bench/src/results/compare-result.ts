/** What `bench compare` writes: `results.json`, schema `hubscale.compare/1`. Every reader (terminal, Markdown, HTML, diff) takes this. */
import type { RealHubPrediction } from "../calibrate/real-hub.ts";
import type { Wall } from "@hubscale/fleet-model";
import type { ComparedFleet } from "../fleet/compared-fleet.ts";
import type { LadderResult } from "../ladder/ladder-result.ts";
import type { Estimate } from "../measure/estimate.ts";
import type { ThresholdCheck } from "../thresholds/threshold-check.ts";
import type { Scaling } from "../statistics/scaling.ts";
import type { ScalingModel } from "../statistics/scaling-model.ts";

/** Optional fields are those that results of earlier versions do not have. */
export const COMPARE_SCHEMA = "hubscale.compare/1";

export interface CompareResult {
  schema: typeof COMPARE_SCHEMA;
  startedAt: string;
  wallSeconds: number;
  seed: number;
  effort: string;
  workload: { name: string; agents: number; completedRows: number; work: string; streaming: boolean };
  slo: string;
  /** The SLO's bound as it was applied: stretched by the CPU quota (slow motion). */
  appliedBoundMs: number;
  isolation: { kind: string; how: string; coresPerMachine: number | null };
  environment: Record<string, unknown>;
  /** Trials that were kept from an earlier start of the same run. Each hub began anew with an empty store then. */
  resumed?: { trials: number; startedAt: string };
  /** Of the harness itself, against a hub that does nothing: no latency below it is the hub's. */
  floor?: HarnessFloor | null;
  hubs: HubResult[];
  /** Order of the trials over all hubs, to check that they were interleaved. */
  order: string[];
  decision: Decision;
  /** Sizes that were not measured, by models that are scored. Results of earlier versions do not have it. */
  model?: ScalingModel;
  /** What more nodes gave, for each family of hubs that was measured at two sizes or more, and what they would give beyond. */
  scaling?: Scaling[];
  /** What the twin's figures mean for the hub that it stands for: predicted, not measured. Null: too little is known for it. */
  realHub?: RealHubPrediction | null;
  /** The hubs of this run in the shipped fleet: a model over stated parameters, with these hubs as measured. */
  fleet?: ComparedFleet;
  /** Of that fleet and the hub in use, in order. */
  walls?: Wall[];
  /** Of `bench ladder`, where one was handed over with `--ladder`. */
  ladder?: LadderResult;
  /** Of a run with `--thresholds`. */
  thresholds?: ThresholdCheck[];
  notMeasured: string[];
}

/** Slices of load before anything is measured. */
export interface WarmUp {
  /** CPU-ms of the hub and its backbone for a task, slice by slice; empty where they are not known. */
  cpuMsPerTask: number[];
  sliceMs: number;
  /** The slice from which on the hub was steady; null: never, in the time that it had. */
  steadyFrom: number | null;
  /** Tasks at a time that the hub kept up with, of as many as were tried; absent in results of earlier versions. */
  inFlight?: number;
}

/** The same hub under several CPU quotas, at a load in proportion. */
export interface Linearity {
  points: { cores: number; cpuMsPerTask: Estimate }[];
  /** Of the dearest to the cheapest point, less one. */
  shift: number;
  /** The shift is over the limit, also by the nearest ends of the two intervals. */
  flagged: boolean;
}

/** One trial, without a quota. */
export interface HarnessFloor {
  /** Offered. */
  tasksPerSec: number;
  assignMsP50: number;
  assignMsP99: number;
  assignServiceMsP99: number;
  generatorCpuMsPerTask: number;
  scheduleLagMsP99: number;
}

export interface HubResult {
  id: string;
  valid: boolean;
  invalidReasons: string[];
  durability: { required: string; verified: string; how: string };
  /** Machines in the sense of the scale model: hub nodes and backbone servers. */
  machines: { hubNodes: number; backboneServers: number };
  capacity: {
    /** As measured, under the CPU quota where there was one. Null: not found. */
    tasksPerSec: Estimate | null;
    streamingAgents: Estimate | null;
    messagesPerSec: Estimate | null;
    connections: Estimate | null;
  };
  /** Why a capacity is missing, or how it is to be read ("at least": the machine ended before the hub). */
  capacityNotes?: Partial<Record<keyof HubResult["capacity"], string>>;
  /**
   * Over the held trials at 60 % of the capacity and more. Response: from the intended time, what a user waits. Service: from
   * the moment of sending; below the response by what the submission was late or had to wait for a connection.
   */
  latency: {
    assignMsP50: Estimate | null;
    assignMsP99: Estimate | null;
    assignServiceMsP99?: Estimate | null;
    /** The same trials merged: HdrHistograms of whole microseconds, compressed, base64. */
    histograms?: { response: StageHistograms; service: StageHistograms } | null;
  };
  perTask: Record<string, RoleCost>;
  history: History;
  /** How the capacity is to be read: what held it back, and on whose word. */
  bound: Bound;
  /** What the hub counted of its own work, per completed task (fsyncs, rows read, scheduler passes, …): why it costs what it costs. */
  workPerTask: Record<string, Estimate>;
  trials: TrialSummary[];
  warmUp?: WarmUp;
  /** Measured at effort full: does this hub cost the same for a task under every quota? */
  linearity?: Linearity;
  /** Of the quantities other than tasks. */
  quantityTrials?: Partial<Record<keyof HubResult["capacity"], TrialSummary[]>>;
  /** What cannot be known of this hub, such as one that is not on this machine. */
  unknown?: string[];
  /** What the running hub said of itself at the end. */
  describe: unknown;
}

/** What a role spends on a completed task, as the operating system has counted it; null where it does not tell. */
export interface RoleCost {
  cpuMs: Estimate | null;
  /** Counted by the hub or the server itself. */
  fsyncs: Estimate | null;
  /** Through read and write calls, sockets and files alike. */
  bytesIn: Estimate | null;
  bytesOut: Estimate | null;
  /** Of them, what went to the disk: page granular. */
  diskBytes?: Estimate | null;
  contextSwitches?: Estimate | null;
  /** At the end of a trial, not for a task. */
  rssMiB?: Estimate | null;
}

export interface StageHistograms {
  submit: string;
  assign: string;
  complete: string;
}

/** Of one role over a trial, its drain included. */
export interface RoleResources {
  cpuSeconds: number;
  rssBytes: number;
  contextSwitches: number | null;
  bytesIn: number | null;
  bytesOut: number | null;
  diskBytes: number | null;
}

export interface History {
  submitted: number;
  acknowledged: number;
  completed: number;
  deadLettered: number;
  lost: number;
  duplicated: number;
  staleAccepted: number;
  /** Acknowledged tasks that were not seen to end and that the hub could not be asked about. Absent in older files: 0. */
  unverified?: number;
  /** Acknowledged tasks that are still open, as the hub says. Absent in older files: not known. */
  unfinished?: number;
  /** Answers and frames that break the contract, by what was wrong with them; nothing else follows from them. */
  protocolFaults?: Record<string, number>;
}

/** What was busy at the capacity. `utilisation` is a share of what the role was allowed (its quota, or one core each). */
export interface Bound {
  role: string | null;
  utilisation: number | null;
  explanation: string;
}

export interface TrialSummary {
  load: number;
  outcome: "held" | "missed" | "invalid";
  reasons: string[];
  offered: number;
  acknowledged: number;
  completedInTime: number;
  assignMsP50: number | null;
  assignMsP99: number | null;
  /** Of the stage that the SLO is about, from the intended time and from the moment of sending. */
  observedMs: number | null;
  observedServiceMs: number | null;
  /** HdrHistograms of the assignment: compressed, base64. Empty for a load without tasks. */
  histograms: { response: string; service: string };
  /** The trial was hopeless and ended before its time. */
  endedEarly: boolean;
  /** Passes and changes that waited in the hub at the end, by its own word. */
  owed: number;
  /** The busiest node's, 0 to 1, over the trial; null: the hub does not tell. */
  loopUtilisation: number | null;
  drainMs: number;
  quietAfterMs: number | null;
  /** CPU seconds by role over the trial, drain included, and completed tasks that they paid for. */
  cpuSecondsByRole: Record<string, number>;
  /** Over which they were counted: warm-up, load, drain, and until the hub was quiet. */
  wallSeconds?: number;
  /** CPU milliseconds of a fixed piece of work meanwhile: how slow the machine was. Null: not known, or too short a trial. */
  referenceMs?: number | null;
  /** CPU seconds a second of every other program on the machine, hubs that wait for their turn among them; null: not known. */
  othersCores?: number | null;
  resourcesByRole: Record<string, RoleResources>;
  completed: number;
  generatorCpuShare: number;
  scheduleLagMsP99: number;
  durationMs: number;
}

export interface Decision {
  verdict: string;
  /** The facts behind the verdict, each a sentence with its figures. */
  because: string[];
  flipsWhen: string[];
  cost: { nodes: number | null; of: string; projected: boolean; explanation: string };
  marginal: string[];
}
