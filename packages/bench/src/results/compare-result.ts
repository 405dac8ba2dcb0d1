/** What `bench compare` writes: `results.json`, schema `hubscale.compare/1`. Every reader (terminal, Markdown, HTML, diff) takes this. */
import type { Estimate } from "../measure/estimate.ts";

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
  hubs: HubResult[];
  /** Order of the trials over all hubs, to check that they were interleaved. */
  order: string[];
  decision: Decision;
  notMeasured: string[];
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
  /** Over the held trials at 60 % of the capacity and more. */
  latency: { assignMsP50: Estimate | null; assignMsP99: Estimate | null };
  perTask: Record<string, RoleCost>;
  history: History;
  /** How the capacity is to be read: what held it back, and on whose word. */
  bound: Bound;
  /** What the hub counted of its own work, per completed task (fsyncs, rows read, scheduler passes, …): why it costs what it costs. */
  workPerTask: Record<string, Estimate>;
  trials: TrialSummary[];
  /** What the running hub said of itself at the end. */
  describe: unknown;
}

export interface RoleCost {
  cpuMs: Estimate | null;
  fsyncs: Estimate | null;
  bytesIn: Estimate | null;
  bytesOut: Estimate | null;
}

export interface History {
  submitted: number;
  acknowledged: number;
  completed: number;
  deadLettered: number;
  lost: number;
  duplicated: number;
  staleAccepted: number;
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
  drainMs: number;
  quietAfterMs: number | null;
  /** CPU seconds by role over the trial, drain included, and completed tasks that they paid for. */
  cpuSecondsByRole: Record<string, number>;
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
