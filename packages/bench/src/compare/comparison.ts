/** Runs a comparison: starts the hubs, lets them take turns under the load, and makes the result of what was seen. */
import { comparedFleet } from "../fleet/compared-fleet.ts";
import { decide } from "../decision/decision.ts";
import { seededRandom } from "../measure/estimate.ts";
import type { Slo } from "../measure/slo.ts";
import { sloText } from "../measure/slo.ts";
import { scalingOf } from "../statistics/scaling.ts";
import { scalingModelOf } from "../statistics/scaling-model.ts";
import { COMPARE_SCHEMA, type CompareResult, type HubResult } from "../results/compare-result.ts";
import type { Workload } from "../workload/workload.ts";
import { appliedSlo } from "./applied-slo.ts";
import { Contender, type MeasuredHub } from "./contender.ts";
import type { Effort } from "./effort.ts";
import { hubResultOf } from "./hub-result.ts";
import type { KeptPoint, PointFiles } from "./point-files.ts";
import type { Progress } from "./progress.ts";
import type { Entrant } from "./entrant.ts";

export interface ComparisonOptions {
  effort: Effort;
  workload: Workload;
  slo: Slo;
  seed: number;
  /** Quota of each machine, in cores; null: none. */
  coresPerMachine: number | null;
  isolation: { kind: string; how: string };
  environment: Record<string, unknown>;
  progress: Progress;
  /** Where each trial is kept, and those of an earlier start that this one goes on from. */
  points: { files: PointFiles; kept: readonly KeptPoint[]; startedAt: string | null };
  startedAt: Date;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/**
 * `enter` starts a hub with its generator and resolves when both are ready; `applyQuotas` puts the hub's processes under
 * their CPU quota, after the probe has warmed them up. Hubs that cannot be compared come with a reason and without measuring.
 */
export async function runComparison(entrants: readonly Entrant[], options: ComparisonOptions): Promise<CompareResult> {
  const { effort, progress, nowMs } = options;
  const startMs = nowMs();
  const contenders = entrants.flatMap((entrant) =>
    entrant.ready ? [{ entrant, contender: contenderOf(entrant, options) }] : [],
  );
  const { kept } = options.points;
  const order = kept.map(({ hub }) => hub);
  const resumed = order.length > 0 ? { trials: order.length, startedAt: options.points.startedAt ?? "" } : undefined;

  for (const { entrant, contender } of contenders) {
    progress.at(shareDone(contenders, effort), `${contender.hub.id}: warming up`);
    await entrant.warmUp();
    await contender.settle();
    entrant.applyQuotas();
    await contender.probe();
    contender.takeUp(kept.filter(({ hub }) => hub === contender.hub.id));
  }
  for (;;) {
    const open = contenders.filter(({ contender }) => !contender.finished);
    if (open.length === 0) break;
    for (const { contender } of open) {
      progress.at(
        shareDone(contenders, effort),
        `${contender.hub.id}: ${Math.round(contender.search?.nextLoad() ?? 0)} tasks/s`,
      );
      await contender.trial();
      order.push(contender.hub.id);
      if (contender.lastPoint) options.points.files.keep(contender.hub.id, contender.lastPoint);
    }
  }

  const hubs: HubResult[] = [];
  for (const entrant of entrants) {
    if (!entrant.ready) {
      hubs.push(entrant.refused);
      continue;
    }
    const contender = contenders.find((each) => each.entrant === entrant)?.contender as Contender;
    const facts = {
      durability: entrant.durability,
      checked: await contender.finish(),
      describe: await contender.hub.describe(),
      coresPerMachine: options.coresPerMachine,
    };
    hubs.push(hubResultOf(contender, facts, seededRandom(options.seed)));
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
    notMeasured: NOT_MEASURED,
  };
  return { ...measured, ...comparedFleet(measured) };
}

/** What a reader would look for and not find, so that nobody takes the silence for a result. */
const NOT_MEASURED = [
  "streaming agents, message rate and connections: this version searches the task rate only",
  "fsyncs of Redis: the server does not count them; with appendfsync always it makes one for each turn of its event loop that wrote",
  "the fleet (machines, GPUs, API limits, uplink): its figures are those of a model; the verdict is about the hub alone (bench fleet decides for yours)",
];

/** Enough to have commits and frames shared as under load, little enough to leave no heap of debt. */
const PROBE_IN_FLIGHT = 8;

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
  effort: Omit<Effort, "name" | "hubs">;
}

export function contenderOf(entrant: Extract<Entrant, { ready: true }>, options: ContenderPlan): Contender {
  const { effort, workload, seed, nowMs, sleep } = options;
  const machines = entrant.hub.machines.hubNodes + entrant.hub.machines.backboneServers;
  return new Contender({
    hub: entrant.hub,
    generator: entrant.generator,
    slo: appliedSlo(options),
    trialMs: effort.trialMs,
    warmupMs: effort.warmupMs,
    probeMs: effort.probeMs,
    goalHalfWidth: effort.goalHalfWidth,
    trialsPerHub: effort.trialsPerHub,
    unit: "tasks/s",
    maxLoad: MAX_LOAD_TASKS_PER_SEC,
    probeInFlight: Math.min(PROBE_IN_FLIGHT, workload.agents),
    coresByRole: coresByRole(entrant.hub.machines, options.coresPerMachine ?? 1),
    quietShare: QUIET_SHARE_OF_MACHINE * (options.coresPerMachine ?? 1) * machines,
    seed,
    nowMs,
    sleep,
  });
}

function shareDone(contenders: readonly { contender: Contender }[], effort: Effort): number {
  const total = contenders.length * (effort.trialsPerHub + 1);
  const done = contenders.reduce(
    (sum, { contender }) =>
      sum + (contender.finished ? effort.trialsPerHub + 1 : contender.trials.length + (contender.search ? 1 : 0)),
    0,
  );
  return Math.min(0.99, done / total);
}
