/**
 * What the bench and its load generator say to each other over the channel of `child_process.fork` (serialization
 * `advanced`). One command at a time; each is answered by the reply of the same name or by `failed`.
 */
import type { SidecarBehaviour, Tokens } from "@hubscale/sidecar-sim";
import type { Arrivals } from "./arrivals.ts";
import type { BesideLoad } from "./beside-tasks.ts";
import type { Held, HeldLoadSetting, HoldShape } from "./held-load.ts";
import type { HistoryVerdict } from "./history-check.ts";
import type { LateBound } from "./late-count.ts";
import type { EncodedLatencies } from "./latency-record.ts";

export type GeneratorCommand = ConnectCommand | TrialCommand | OpenCommand | HoldCommand | { kind: "close" };

/** In place of `connect`: a load that is held instead of tasks that come. */
export type OpenCommand = { kind: "open" } & HeldLoadSetting;
/** A trial of it. */
export type HoldCommand = { kind: "hold" } & HoldShape;

export interface ConnectCommand {
  kind: "connect";
  /** WebSocket URLs of the hub's nodes, `ws://127.0.0.1:4000/ws`. Agents are dealt round them. */
  ws: readonly string[];
  /** HTTP URLs of the same nodes. Submissions go round them. */
  http: readonly string[];
  agents: number;
  seed: number;
  behaviour: SidecarBehaviour;
  /** How much faster than life the sidecars work; 1 for measurements. */
  timeScale: number;
  /** Agent ids are this, a hyphen and a number; the submitter's ends in `submitter`. New for each run against one hub. */
  prefix: string;
  /** HTTP connections to each node. Submissions beyond them wait in the generator, and their latency says so. */
  httpConnections: number;
  /** All agents must be identified within this. */
  limitMs: number;
  /** Further processes that the agents are dealt to; 0, the default: they live with the submitter. */
  processes?: number;
  /** See `FleetOptions`. Default: none. */
  jitter?: boolean;
  /** False: no submitter is registered. Default true. */
  submits?: boolean;
  /** Tokens from an earlier run; agents that are in it are not registered again. */
  known?: Tokens;
}

export interface TrialShape {
  id: string;
  /** Before the window: the same load, not measured. */
  warmupMs: number;
  durationMs: number;
  /** A task counts as completed in time up to this long after the window. */
  graceMs: number;
  /** How long to wait for the last acknowledged task after the load has stopped. */
  drainLimitMs: number;
  seed: number;
  descriptionChars: number;
  metadataBytes: number;
  /** From this trial on; absent: as before. */
  behaviour?: SidecarBehaviour;
  /** Goes on while tasks come. */
  beside?: BesideLoad | undefined;
  /** An open load ends as soon as this cannot be kept any more; absent: never before its time. */
  hopeless?: LateBound | undefined;
}

export type Load =
  /** Submissions at times fixed beforehand, whatever the hub answers. */
  | { mode: "open"; ratePerSec: number; arrivals: Arrivals }
  /** As many tasks under way at any time, a new one for each that ends. Overstates a hub that defers its work (C10). */
  | { mode: "closed"; inFlight: number };

export type TrialCommand = { kind: "trial" } & TrialShape & Load;

export type GeneratorReply =
  | { kind: "connected"; ms: number; registerMs: number; agents: number; counters: WireCounters; tokens: Tokens }
  | { kind: "opened" }
  | ({ kind: "held" } & Held)
  | TrialResult
  | { kind: "closed"; history: HistoryVerdict }
  /** The command was not carried out; the generator takes further commands. */
  | { kind: "failed"; command: GeneratorCommand["kind"]; code: FailureCode; detail: string }
  /** Unasked: a trial enters a phase. `load` is the measured window. */
  | { kind: "phase"; id: string; phase: TrialPhase }
  /** Unasked: something that a person who waits should know. */
  | { kind: "note"; text: string };

export type TrialPhase = "warmup" | "load" | "drain" | "verify";

export type FailureCode =
  | "agent_id_taken"
  | "unreachable"
  | "refused"
  | "turned_away"
  | "timeout"
  | "stopped"
  | "not_connected"
  | "already_connected"
  /** The hub cannot take so much at all. */
  | "cannot_hold"
  | "internal";

export interface TrialResult {
  kind: "trialResult";
  id: string;
  /** Tasks whose intended time lies in the window, whenever they were answered. */
  window: TaskCounts & {
    /** Of them, completed by the window's end plus `graceMs`. */
    completedInTime: number;
  };
  /** All tasks of the trial, warm-up included: what the hub's CPU paid for. */
  whole: TaskCounts;
  /** Events that fell into the window, whichever task they were of: the rates that were achieved. */
  inWindow: { acknowledged: number; assigned: number; completed: number };
  /** Over the tasks of the window. From the intended time: what a user waits. */
  latency: StageLatencies;
  /** The same from the moment of sending: what the hub took. */
  service: StageLatencies;
  /** Tasks submitted and not ended, over the window; `atMs` from its start. Refused submissions do not count. */
  backlog: { atMs: number; tasks: number }[];
  /** The length of the window: less than was asked for when the trial was hopeless and ended before its time. */
  durationMs: number;
  endedEarly: boolean;
  drained: boolean;
  /** From the end of the load to the last completion; the limit when not drained. */
  drainMs: number;
  generator: GeneratorLoad;
  counters: WireCounters;
  sidecars: SidecarCounts;
  /** Over all tasks of this trial, tasks not seen to end looked up at the hub. */
  history: HistoryVerdict;
}

export interface TaskCounts {
  offered: number;
  acknowledged: number;
  /** Answers other than 201, by HTTP status. */
  refused: Record<string, number>;
  /** Submissions without an answer, by error code. */
  failed: Record<string, number>;
  assigned: number;
  completed: number;
  deadLettered: number;
}

export interface StageLatencies {
  submit: EncodedLatencies;
  assign: EncodedLatencies;
  complete: EncodedLatencies;
}

/** The generator's measure of itself over the window: past the limits of the judgement a trial is not believed. */
export interface GeneratorLoad {
  cpuSeconds: number;
  /** CPU seconds per second, of one core. */
  cpuShare: number;
  /** By how much submissions were sent after their intended time. */
  scheduleLagMs: { p50: number; p99: number; max: number };
  loopDelayMs: { p50: number; p99: number; max: number };
  /** Highest number of submissions that waited for their answer. */
  submissionsInFlightMax: number;
  rssBytes: number;
}

/** Sums over the trial, or since the start in `connected`. */
export interface WireCounters {
  wsFramesIn: number;
  wsFramesOut: number;
  wsPresenceFrames: number;
  wsBytesIn: number;
  wsBytesOut: number;
  /** An estimate of what a line counts for the frames: see `FleetCounters`. */
  wsWireBytesIn: number;
  wsWireBytesOut: number;
  httpBytesIn: number;
  httpBytesOut: number;
}

/** Events of the sidecars over the trial. */
export interface SidecarCounts {
  rejected: number;
  refused: number;
  retried: number;
  dropped: number;
  disconnected: number;
  rateLimited: number;
  /** By text of the error. */
  errors: Record<string, number>;
}
