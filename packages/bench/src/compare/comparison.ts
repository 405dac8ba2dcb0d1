/** Runs a comparison: starts the hubs, lets them take turns under the load, and makes the result of what was seen. */
import { cpus } from "node:os";
import { comparedFleet } from "../fleet/compared-fleet.ts";
import { decide } from "../decision/decision.ts";
import { seededRandom } from "../measure/estimate.ts";
import type { Slo } from "../measure/slo.ts";
import { sloText } from "../measure/slo.ts";
import { scalingOf } from "../statistics/scaling.ts";
import { scalingModelOf } from "../statistics/scaling-model.ts";
import { COMPARE_SCHEMA, type CompareResult, type HubResult, type WarmUp } from "../results/compare-result.ts";
import type { Workload } from "../workload/workload.ts";
import { appliedSlo } from "./applied-slo.ts";
import { together } from "./checked-history.ts";
import { type CheckedHistory, Contender, type HubLimits, type MeasuredHub } from "./contender.ts";
import type { Effort } from "./effort.ts";
import type { Entrant, ReadyEntrant, RefusedEntrant } from "./entrant.ts";
import { hubResultOf } from "./hub-result.ts";
import type { KeptPoint, PointFiles } from "./point-files.ts";
import type { Progress } from "./progress.ts";
import type { HeldQuantity } from "./quantity.ts";
import { notesFor, type QuantityFound, searchQuantity } from "./quantity-search.ts";
import { takeTurns } from "./turns.ts";

export interface ComparisonOptions {
  effort: Effort;
  workload: Workload;
  slo: Slo;
  seed: number;
  /** False: only the effort's other quantities. Default true. */
  searchesTasks?: boolean;
  /** Quota of each machine, in cores; null: none. */
  coresPerMachine: number | null;
  isolation: { kind: string; how: string };
  environment: Record<string, unknown>;
  progress: Progress;
  /** Where each trial is kept, and those of an earlier start that this one goes on from. */
  points?: { files: PointFiles; kept: readonly KeptPoint[]; startedAt: string | null };
  startedAt: Date;
  /** Since the program's start. */
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

interface Running {
  entrant: ReadyEntrant;
  contender: Contender;
  warmUp: WarmUp | undefined;
  checked: CheckedHistory[];
  found: Partial<Record<HeldQuantity, QuantityFound>>;
}

/** Hubs that cannot be compared come with a reason and are not measured; quotas are applied when a hub is warm. */
export async function runComparison(entrants: readonly Entrant[], options: ComparisonOptions): Promise<CompareResult> {
  const { effort, nowMs } = options;
  const startMs = nowMs();
  const running = entrants.flatMap((entrant): Running[] =>
    entrant.ready ? [{ entrant, contender: contenderOf(entrant, options), warmUp: undefined, checked: [], found: {} }] : [],
  );
  const kept = options.points?.kept ?? [];
  const resumed = kept.length > 0 ? { trials: kept.length, startedAt: options.points?.startedAt ?? "" } : undefined;
  const order = await searchTasks(running, options);
  for (const hub of running) hub.checked.push(await hub.contender.finish());
  for (const [i, quantity] of effort.quantities.entries()) {
    const share = (inner: number) => TASKS_SHARE + ((1 - TASKS_SHARE) * (i + inner)) / effort.quantities.length;
    await searchHeld(quantity, running, { ...options, share });
  }

  const hubs: HubResult[] = [];
  for (const entrant of entrants) {
    const hub = running.find((each) => each.entrant === entrant);
    hubs.push(entrant.ready && hub ? await resultOf(hub, options) : (entrant as RefusedEntrant).refused);
  }
  const measured: Omit<CompareResult, "fleet" | "walls"> = {
    schema: COMPARE_SCHEMA,
    startedAt: options.startedAt.toISOString(),
    wallSeconds: (nowMs() - startMs) / 1000,
    seed: options.seed,
    effort: effort.name,
    workload: {
      name: options.workload.name,
      agents: options.workload.agents,
      completedRows: options.workload.completed_rows,
      work: String(options.workload.work),
      streaming: options.workload.streaming,
    },
    slo: sloText(options.slo),
    appliedBoundMs: appliedSlo(options).boundMs,
    isolation: { ...options.isolation, coresPerMachine: options.coresPerMachine },
    environment: options.environment,
    ...(resumed && { resumed }),
    hubs,
    order,
    decision: decide(hubs, options.coresPerMachine),
    model: scalingModelOf(hubs, options.coresPerMachine, seededRandom(options.seed)),
    scaling: scalingOf(hubs, options.coresPerMachine, seededRandom(options.seed)),
    notMeasured: [...NOT_MEASURED, ...hubs.flatMap((hub) => (hub.unknown ?? []).map((what) => `${hub.id}: ${what}`))],
  };
  return { ...measured, ...comparedFleet(measured) };
}

async function searchTasks(
  running: readonly Running[],
  { effort, nowMs, points, progress, searchesTasks = true }: ComparisonOptions,
): Promise<string[]> {
  const kept = points?.kept ?? [];
  const order = kept.map(({ hub }) => hub);
  const contenders = running.map(({ contender }) => contender);
  for (const hub of running) {
    const { entrant, contender } = hub;
    progress.at(shareDone(contenders, effort), `${contender.hub.id}: warming up`);
    hub.warmUp = await entrant.warmUp(effort.warmUp);
    await contender.settle();
    entrant.applyQuotas();
    if (!searchesTasks) continue;
    await contender.probe(hub.warmUp.inFlight);
    contender.takeUp(kept.filter(({ hub }) => hub === contender.hub.id));
  }
  const trial = async (contender: Contender) => {
    const load = contender.search?.nextLoad();
    progress.at(shareDone(contenders, effort), `${contender.hub.id}: ${Math.round(load ?? 0)} tasks/s`);
    await contender.trial(load);
    order.push(contender.hub.id);
    if (contender.lastPoint) points?.files.keep(contender.hub.id, contender.lastPoint);
  };
  if (searchesTasks) await takeTurns(contenders, trial, () => nowMs() < effort.moreTrialsUntilS * 1000);
  return order;
}

async function searchHeld(
  quantity: HeldQuantity,
  running: readonly Running[],
  options: ComparisonOptions & { share(inner: number): number },
): Promise<void> {
  const { effort, progress, share } = options;
  // About: a search may end early, or go on for its invalid trials.
  const steps = turnsOf(running.length, effort.trialsPerQuantity);
  let told = 0;
  const turns = running.map(({ entrant }) => ({ entrant, limits: limitsOf(entrant, options.coresPerMachine) }));
  const setting = {
    ...options,
    trialMs: effort.quantityTrialMs,
    warmupMs: effort.warmupMs,
    probeMs: effort.probeMs,
    goalHalfWidth: effort.goalHalfWidth,
    trialsPerHub: effort.trialsPerQuantity,
  };
  const found = await searchQuantity(quantity, turns, setting, (doing) =>
    progress.at(share(Math.min(1, told++ / steps)), doing),
  );
  for (const [i, hub] of running.entries()) {
    const its = found[i] as QuantityFound;
    hub.found[quantity] = its;
    hub.checked.push(its.checked);
  }
}

async function resultOf(
  { entrant, contender, warmUp, checked, found }: Running,
  options: ComparisonOptions,
): Promise<HubResult> {
  const facts = {
    durability: entrant.durability,
    checked: together(checked),
    describe: await contender.hub.describe(),
    coresPerMachine: options.coresPerMachine,
    searchedTasks: options.searchesTasks ?? true,
    ...(entrant.machine && { machineCpus: cpus().length }),
  };
  const result = hubResultOf(contender, facts, seededRandom(options.seed));
  const tasksPerSec = notesOnTasks(contender);
  for (const [quantity, { capacity }] of Object.entries(found)) result.capacity[quantity as HeldQuantity] = capacity;
  return {
    ...result,
    capacityNotes: {
      ...notesFor(found, options.effort.name),
      ...(tasksPerSec !== "" && { tasksPerSec }),
    },
    quantityTrials: Object.fromEntries(Object.entries(found).map(([quantity, { trials }]) => [quantity, trials])),
    unknown: entrant.unknown,
    ...(warmUp && { warmUp }),
  };
}

/** Of the progress of the whole, by time; the quantities are the rest of it. */
const TASKS_SHARE = 0.5;

/** Warm-ups and trials of that many hubs. */
function turnsOf(hubs: number, trials: number): number {
  return hubs * (trials + 1);
}

/** What a reader would look for and not find, so that nobody takes the silence for a result. */
const NOT_MEASURED = [
  "fsyncs of Redis: the server does not count them; with appendfsync always it makes one for each turn of its event loop that wrote",
  "the fleet (machines, GPUs, API limits, uplink): its figures are those of a model; the verdict is about the hub alone (bench fleet decides for yours)",
];

/** Enough to have commits and frames shared as under load, little enough to leave no heap of debt. */
const PROBE_IN_FLIGHT = 8;

/** A p99 of fewer tasks than this is the slowest task. */
const MIN_TASKS_PER_TRIAL = 100;

/** Above what one generator process was seen to offer with no hub behind it. */
const MAX_LOAD_TASKS_PER_SEC = 10_000;

function coresByRole(machines: MeasuredHub["machines"], coresPerMachine: number): Record<string, number> {
  const backbone = Math.max(1, machines.backboneServers) * coresPerMachine;
  return { hub: machines.hubNodes * coresPerMachine, redis: backbone, nats: backbone };
}

/** A machine of a hub at rest has heartbeats and timers to serve; above this share of it there is work going on. */
const QUIET_SHARE_OF_MACHINE = 0.15;

export interface ContenderPlan
  extends Pick<ComparisonOptions, "workload" | "slo" | "seed" | "coresPerMachine" | "nowMs" | "sleep"> {
  effort: Pick<Effort, "trialsPerHub" | "trialMs" | "warmupMs" | "probeMs" | "goalHalfWidth">;
  /** A trial of a slow load may take up to twice as long, to have so many arrivals. */
  leastPerTrial?: number;
}

/** What the roles of a hub may use, how little of it counts as quiet, and what the machine under it has used. */
export function limitsOf({ hub, machine }: ReadyEntrant, coresPerMachine: number | null): HubLimits {
  const machines = hub.machines.hubNodes + hub.machines.backboneServers;
  const cores = coresPerMachine ?? 1;
  return {
    coresByRole: coresByRole(hub.machines, cores),
    quietShare: QUIET_SHARE_OF_MACHINE * cores * machines,
    ...(machine && { machine }),
  };
}

export function contenderOf(entrant: ReadyEntrant, options: ContenderPlan): Contender {
  const { effort, workload, seed, nowMs, sleep } = options;
  // A hub that is not ours runs as it runs, so its bound is not stretched either.
  const coresPerMachine = entrant.hub.id === "external" ? null : options.coresPerMachine;
  return new Contender({
    ...limitsOf(entrant, coresPerMachine),
    hub: entrant.hub,
    generator: entrant.generator,
    slo: appliedSlo({ slo: options.slo, coresPerMachine }),
    trialMs: effort.trialMs,
    warmupMs: effort.warmupMs,
    probeMs: effort.probeMs,
    goalHalfWidth: effort.goalHalfWidth,
    trialsPerHub: effort.trialsPerHub,
    unit: "tasks/s",
    leastPerTrial: options.leastPerTrial ?? MIN_TASKS_PER_TRIAL,
    completedRows: Math.max(workload.completed_rows, LEAST_ROWS),
    maxLoad: MAX_LOAD_TASKS_PER_SEC,
    probeInFlight: Math.min(PROBE_IN_FLIGHT, workload.agents),
    seed,
    nowMs,
    sleep,
  });
}

/** Where the workload has fewer, a table of this size is what growth is held against. */
const LEAST_ROWS = 1_000;

/** What the interval of a slow hub does not tell. */
function notesOnTasks({ hasOutgrownItsTable, fewPerTrial }: Contender): string {
  const notes = [
    ...(fewPerTrial === null
      ? []
      : [`a trial had about ${fewPerTrial} tasks, whose 99th percentile is the slowest: longer trials would find less`]),
    ...(hasOutgrownItsTable
      ? [
          "its search ended early: a task reads the whole table, which had grown by a fifth, so more trials would have measured a slower hub",
        ]
      : []),
  ];
  return notes.join("; ");
}

function shareDone(contenders: readonly Contender[], effort: Effort): number {
  const total = turnsOf(contenders.length, effort.trialsPerHub);
  const done = contenders.reduce(
    (sum, contender) =>
      sum + (contender.finished ? effort.trialsPerHub + 1 : contender.trials.length + (contender.search ? 1 : 0)),
    0,
  );
  return Math.min(0.99, done / total) * (effort.quantities.length > 0 ? TASKS_SHARE : 1);
}
