/** What `decideFleet` is asked and what it answers: plain data both ways, the contract with every reader (terminal, file, page). */
import type { FleetShape } from "./fleet-shape.ts";
import type { Availability, Estimate, HubEvidence } from "./hub-evidence.ts";
import type { PriceList } from "./price-list.ts";
import type { TaskProfile } from "./task-profile.ts";

export interface FleetInput {
  fleet: FleetShape;
  work: TaskProfile;
  hub: HubEvidence;
  /** The hub in use, one of the evidence's. */
  hubId: string;
  /** Cores of each of the hub's machines. */
  hubCores: number;
  /** The disk under the hub; null: as it was when measured. */
  fsyncMs: number | null;
  /** Rows that the hub's table holds by now. */
  completedRows: number;
  slo: FleetSlo;
  prices: PriceList;
  /** Draws for the intervals; 0 gives values only, at once. */
  uncertainty: { draws: number; seed: number };
}

export interface FleetSlo {
  /** What the team submits; null: as much as its agents can do. */
  tasksPerHour: number | null;
  /** A task may take this many times as long as on an idle fleet. */
  maxSlowdown: number;
  /** Growth of the load a month, 0.1 for 10 %. */
  growthPerMonth: number;
}

export interface FleetDecision {
  verdict: FleetVerdict;
  now: FleetNow;
  /** In the order in which they are met as agents are added everywhere in proportion; those never met last. */
  walls: Wall[];
  bindsNow: Binding;
  /** The next wall above the present number of agents. */
  bindsNext: Binding | null;
  marginal: MarginalValue[];
  flipsWhen: string[];
  availability: { hubId: string; measured: Availability | null; sentence: string }[];
  /** Whether the closed form is known to hold here; if not, simulate. */
  holds: { ok: boolean; reasons: string[] };
  /** Where the hub's figures are from, and what was assumed. */
  evidence: string;
  assumptions: string[];
}

export interface FleetVerdict {
  action: "nothing" | "fix" | "add" | "distribute";
  sentence: string;
  /** Load at which the best single hub is full; null: no single hub was measured. */
  distributeAt: { busyAgents: Estimate; tasksPerHour: Estimate } | null;
}

export interface FleetNow {
  agents: number;
  tasksPerHour: Estimate;
  /** From the start of a task to its end, waiting for machines and models included. */
  taskSeconds: Estimate;
  /** Over the time on an idle fleet. */
  slowdown: Estimate;
  costPerMonth: number | null;
  costPer1000Tasks: number | null;
  stations: StationUse[];
}

/** A resource that tasks queue for. */
export interface StationUse {
  /** `gpu box`, `cpu box`, `uplink office`, `hub`, `api input tokens`, … */
  name: string;
  kind: StationKind;
  /** 0 to 1: of what it can do when always busy. */
  utilisation: number;
  /** Waiting and being served, in all of a task, mean over the tasks of those who use it. */
  secondsPerTask: number;
}

export type StationKind = "cpu" | "gpu" | "api" | "uplink" | "hub";

export interface Binding {
  name: string;
  sentence: string;
}

export interface Wall {
  id: string;
  name: string;
  /** Met at this many busy agents, all doing such tasks; null: never, or not by agents. */
  busyAgents: Estimate | null;
  tasksPerHour: Estimate | null;
  /** When it is met by time rather than by load: the days from now at the present load. */
  days: number | null;
  basis: "measured" | "model" | "parameter";
  /** The rule in words, with its figures. */
  how: string;
  source: string;
}

export interface MarginalValue {
  id: string;
  change: string;
  /** More tasks an hour than now. */
  tasksPerHour: Estimate;
  costPerMonth: number | null;
  /** More tasks an hour for 1,000 of the currency a month; null: costs nothing or has no price. */
  tasksPerHourPer1000: Estimate | null;
  note: string;
}
