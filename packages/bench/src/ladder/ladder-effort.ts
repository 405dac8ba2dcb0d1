/** How much time a ladder may take, and under which conditions it is climbed. */
import type { ContenderPlan } from "../compare/comparison.ts";

export interface LadderEffort {
  name: "smoke" | "quick" | "full";
  trials: ContenderPlan["effort"];
  /** Fixes beside the path of a task are added in one step. */
  shortSum: boolean;
  /** The reference is measured again at the end of each ladder, of the first one, or of none. */
  control: "each" | "first" | "none";
  /** Beside the first one, which has all rungs; here only the reference, each fix alone, and all together. */
  conditions: readonly ConditionPlan[];
}

/** What differs from the workload's file. */
export interface ConditionPlan {
  workload: string;
  agents?: number;
  completedRows?: number;
  queuedRows?: number;
  rungs: "all" | "alone-and-all";
}

const BOTH_WORKLOADS: readonly ConditionPlan[] = [
  { workload: "steady", rungs: "all" },
  { workload: "streaming", rungs: "all" },
];

/** Trials are short, since there are many rungs: their intervals are wide, and are shown. */
export const LADDER_EFFORTS: Record<LadderEffort["name"], LadderEffort> = {
  smoke: {
    name: "smoke",
    trials: { trialsPerHub: 4, trialMs: 600, warmupMs: 150, probeMs: 400, goalHalfWidth: 0.15 },
    shortSum: true,
    control: "none",
    conditions: [{ workload: "steady", completedRows: 100, rungs: "all" }],
  },
  quick: {
    name: "quick",
    trials: { trialsPerHub: 4, trialMs: 750, warmupMs: 150, probeMs: 300, goalHalfWidth: 0.12 },
    shortSum: true,
    control: "first",
    conditions: BOTH_WORKLOADS,
  },
  full: {
    name: "full",
    trials: { trialsPerHub: 10, trialMs: 3_000, warmupMs: 300, probeMs: 1_000, goalHalfWidth: 0.08 },
    shortSum: false,
    control: "each",
    conditions: [
      ...BOTH_WORKLOADS,
      { workload: "steady", completedRows: 0, rungs: "alone-and-all" },
      { workload: "steady", completedRows: 10_000, rungs: "alone-and-all" },
      { workload: "steady", queuedRows: 1_000, rungs: "alone-and-all" },
      { workload: "steady", agents: 10, rungs: "alone-and-all" },
      { workload: "steady", agents: 200, rungs: "alone-and-all" },
    ],
  },
};

/** Fixes of the smallest ladder: those on the path of a task that weigh most. */
export const SMOKE_FIXES = ["C1", "C3", "C10"] as const;
