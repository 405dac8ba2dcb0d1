/** What is known of the hub, from measurements only: the result of a comparison, one that was just made or a recorded one. */

/** A number with its interval; the same shape as every measured number of a result file. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
  n: number;
  unit: string;
}

export interface HubEvidence {
  /** `measured`: in the run at hand; `recorded`: shipped with the program, from another machine. */
  source: "measured" | "recorded";
  /** Date, commit and machine, for the reader. */
  from: string;
  hubs: readonly HubMeasure[];
  /** Gains of the single hub's repairs over the reference, where a ladder was climbed. */
  fixes: readonly FixGain[];
}

export interface HubMeasure {
  id: string;
  kind: "single" | "sharded";
  nodes: number;
  backboneServers: number;
  /** Cores that each machine had; the rates below are for these. */
  coresPerMachine: number;
  capacityTasksPerSec: Estimate;
  /** By role. */
  cpuMsPerTask: Readonly<Record<string, Estimate>>;
  assignMsP50: Estimate | null;
  fsyncsPerTask: Estimate | null;
  /** One sync after the other, each waited for: then a slower disk costs capacity, not only latency. */
  syncsInTurn: boolean;
  /** Median of the disk it was measured on. */
  fsyncMs: number | null;
  rowsReadPerTask: Estimate | null;
  /** Completed rows that it held. */
  completedRows: number;
  /** Progress frames a second that it bears beside no tasks; null: not measured. */
  framesPerSec: Estimate | null;
  connections: Estimate | null;
  availability: Availability | null;
}

/** From measured fault runs: the end of one node, until agents work as before. */
export interface Availability {
  recoverySeconds: Estimate;
  tasksDelayed: Estimate;
}

export interface FixGain {
  /** C1 … C11, or several joined by +. */
  fix: string;
  /** Capacity over the reference's. */
  gain: Estimate;
}
