/** Decides from the facts of one trial whether the hub bore its load, and whether the trial may be believed at all. */
import { median } from "simple-statistics";
import { metricOf, type Slo, type Stage } from "./slo.ts";

export interface TrialFacts {
  durationMs: number;
  /** Submissions whose intended time lay in the trial. */
  offered: number;
  acknowledged: number;
  /** Submissions answered with an error, or not answered. */
  unacknowledged: number;
  /** Tasks that were completed before the trial's end plus the SLO's bound. */
  completedInTime: number;
  /** Of the stages that the load has, in ms from the intended time. */
  latencyMs: Partial<Record<Stage, Quantiles>>;
  /** Submitted and not yet completed, sampled over the trial. */
  backlog: readonly { atMs: number; tasks: number }[];
  /** All acknowledged tasks were completed `drainMs` after the load stopped, or not within the limit. */
  drained: boolean;
  drainMs: number;
  /** The hub's processes were idle again this long after the drain; null: not within the limit. */
  quietAfterMs: number | null;
  /** What the hub still owed then, by its own word: scheduling passes and changes that wait. Zero where it does not say. */
  owed: number;
  /** What `offered` and `completedInTime` count. Default: tasks. */
  what?: string;
  /** Something that must not happen has happened, in words. */
  trouble?: string;
  generator: { cpuShare: number; scheduleLagMsP99: number; loopDelayMsP99: number };
}

export interface Quantiles {
  p50: number;
  p99: number;
}

export type Judgement = { outcome: "held" | "missed" | "invalid"; reasons: string[] };

/** Past these the generator measures itself instead of the hub. */
export const GENERATOR_LIMITS = {
  /** Of one core. */
  cpuShare: 0.9,
  /** A submission sent this late is not the load that was asked for. */
  scheduleLagMsP99: 25,
  /** What arrives in such a pause is timed when it ends. */
  loopDelayMsP99: 50,
} as const;

/** The share of the offered tasks that must be completed in time. */
export const ACHIEVED_SHARE = 0.98;
/** One that came last is late by itself; where few tasks come, that would be more than the share allows. */
const LATE_TASKS_ALLOWED = 1;

export function judgeTrial(facts: TrialFacts, slo: Slo): Judgement {
  const misses = missesOf(facts, slo);
  const doubts = doubtsOf(facts, slo, misses.length > 0);
  if (doubts.length > 0) return { outcome: "invalid", reasons: [...doubts, ...misses] };
  return misses.length > 0 ? { outcome: "missed", reasons: misses } : { outcome: "held", reasons: [] };
}

function missesOf(facts: TrialFacts, slo: Slo): string[] {
  // What could not even begin, first: the rest follows from it.
  const misses = facts.trouble ? [facts.trouble] : [];
  const measured = observed(facts, slo);
  if (Number.isNaN(measured)) misses.push(`no ${metricOf(slo)}: nothing was answered`);
  else if (!(measured < slo.boundMs)) misses.push(`${metricOf(slo)} ${ms(measured)}, bound ${ms(slo.boundMs)}`);
  if (facts.unacknowledged > 0) misses.push(`${facts.unacknowledged} of ${facts.offered} submissions not acknowledged`);
  if (facts.offered - facts.completedInTime > Math.max(LATE_TASKS_ALLOWED, (1 - ACHIEVED_SHARE) * facts.offered)) {
    misses.push(`${facts.completedInTime} of ${facts.offered} ${facts.what ?? "tasks completed"} in time`);
  }
  const growth = backlogGrowth(facts.backlog);
  if (growth > Math.max(MIN_GROWTH_TASKS, (1 - ACHIEVED_SHARE) * facts.offered)) {
    misses.push(`backlog grew by ${Math.round(growth)} tasks`);
  }
  if (!facts.drained) misses.push(`work left ${ms(facts.drainMs)} after the load stopped`);
  if (facts.quietAfterMs === null) misses.push("still busy long after the last completion (unpaid debt)");
  if (facts.owed > MAX_OWED) misses.push(`${facts.owed} passes or changes still waiting in the hub (unpaid debt)`);
  return misses;
}

/**
 * A generator over its limits spoils a trial, but not one that held: being late only makes the latencies look worse. Nor one
 * whose hub is late by far more than the generator was.
 */
function doubtsOf(facts: TrialFacts, slo: Slo, missed: boolean): string[] {
  const doubts: string[] = [];
  const { cpuShare, loopDelayMsP99, scheduleLagMsP99 } = facts.generator;
  const overMs = observed(facts, slo) - slo.boundMs;
  // What it sends late and what it hears late add up.
  const explainsTheMiss = missed && !(scheduleLagMsP99 + loopDelayMsP99 <= overMs / 2);
  if (facts.offered === 0) doubts.push("no submission fell into the window");
  if (scheduleLagMsP99 > GENERATOR_LIMITS.scheduleLagMsP99 && explainsTheMiss) {
    doubts.push(`the generator sent ${ms(scheduleLagMsP99)} late (p99)`);
  }
  if (loopDelayMsP99 > GENERATOR_LIMITS.loopDelayMsP99 && explainsTheMiss) {
    doubts.push(`the generator's event loop was ${ms(loopDelayMsP99)} late (p99)`);
  }
  if (cpuShare > GENERATOR_LIMITS.cpuShare) doubts.push(`the generator used ${Math.round(cpuShare * 100)} % of a core`);
  return doubts;
}

function observed(facts: TrialFacts, slo: Slo): number {
  return facts.latencyMs[slo.stage]?.[slo.quantile] ?? Number.NaN;
}

/**
 * Tasks by which the backlog rises over the trial: its regression line, when the rise is clear of the noise (t > 3), else 0. At most
 * what the slower of two steps gives, from the first third's median to the second's and to the last's: a pause late in the trial, as
 * when Redis rewrites its log, lifts the line, but not the second third over the first.
 */
export function backlogGrowth(backlog: readonly { atMs: number; tasks: number }[]): number {
  const n = backlog.length;
  if (n < 8) return 0;
  const meanX = backlog.reduce((sum, p) => sum + p.atMs, 0) / n;
  const meanY = backlog.reduce((sum, p) => sum + p.tasks, 0) / n;
  let sxx = 0;
  let sxy = 0;
  for (const p of backlog) {
    sxx += (p.atMs - meanX) ** 2;
    sxy += (p.atMs - meanX) * (p.tasks - meanY);
  }
  if (sxx === 0) return 0;
  const slope = sxy / sxx;
  let residual = 0;
  for (const p of backlog) residual += (p.tasks - meanY - slope * (p.atMs - meanX)) ** 2;
  const standardError = Math.sqrt(residual / (n - 2) / sxx);
  const first = backlog[0] as { atMs: number };
  const last = backlog[n - 1] as { atMs: number };
  if (slope <= 3 * standardError) return 0;
  return Math.max(0, Math.min(slope * (last.atMs - first.atMs), lastingGrowth(backlog)));
}

function lastingGrowth(backlog: readonly { tasks: number }[]): number {
  const third = (k: number) => Math.round((backlog.length * k) / 3);
  const level = (k: number) => median(backlog.slice(third(k), third(k + 1)).map(({ tasks }) => tasks));
  return 3 * Math.min(level(1) - level(0), level(2) - level(1));
}

/** One or two are what is under way at any moment. */
export const MAX_OWED = 5;
/** Fewer tasks than this are a coincidence of arrivals, not a trend. */
const MIN_GROWTH_TASKS = 5;

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
