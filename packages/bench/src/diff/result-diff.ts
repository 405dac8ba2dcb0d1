/** Two results, hub by hub and metric by metric. Pure. */
import type { Estimate } from "../measure/estimate.ts";
import type { CompareResult, HubResult } from "../results/compare-result.ts";
import { machineSpeedDuring } from "../results/machine-meanwhile.ts";
import { type Answer, answersTo, independentQuotient } from "../statistics/effect-size.ts";
import { type Discord, obstaclesBetween, warningsAbout } from "./comparability.ts";
import { metricsOf } from "./hub-metric.ts";

export const DIFF_SCHEMA = "hubscale.diff/2";

export interface ResultDiff {
  schema: typeof DIFF_SCHEMA;
  a: RunName;
  b: RunName;
  /** What is not alike; with any, nothing is compared unless that was forced. */
  obstacles: Discord[];
  warnings: string[];
  /** Where a capacity moved and the CPU of a task explains it, that it does. */
  explanations: string[];
  /** Differences of up to this share are not told. */
  margin: number;
  metrics: MetricDiff[];
  /** Hubs that are in both but cannot be compared, with the reason. */
  left: { hub: string; why: string }[];
  onlyInA: string[];
  onlyInB: string[];
  verdict: "no difference" | "better" | "worse" | "better and worse" | "not comparable" | "nothing to compare";
}

export interface RunName {
  path: string;
  startedAt: string;
  commit: string;
}

export interface MetricDiff {
  hub: string;
  metric: string;
  a: Estimate;
  b: Estimate;
  /** B over A as they stand. */
  asMeasured: Estimate;
  /** What a fixed piece of work cost on the machine during B over during A, where the number moves with that and both runs tell. */
  slowness: Estimate | null;
  /** B over A on a machine of one speed, with the 95 % interval of this one comparison. */
  ratio: Estimate;
  /** Of B against A, by Holm's rule over all metrics of the diff. */
  answer: Answer;
  worth: "same" | "better" | "worse";
}

export interface DiffOptions {
  paths: { a: string; b: string };
  /** Compare in spite of the obstacles. */
  force: boolean;
  margin: number;
}

export function diffOf(a: CompareResult, b: CompareResult, { paths, force, margin }: DiffOptions): ResultDiff {
  const obstacles = obstaclesBetween(a, b);
  const pairs = a.hubs.flatMap((hub) => {
    const other = b.hubs.find(({ id }) => id === hub.id);
    return other ? [{ hub, other }] : [];
  });
  const left = pairs.flatMap(({ hub, other }) => leftOut(hub, other));
  const compared = obstacles.length > 0 && !force ? [] : pairs.filter(({ hub }) => !left.some((each) => each.hub === hub.id));
  const rows = compared.flatMap(({ hub, other }) => rowsOf(hub, other));
  const answers = answersTo(
    rows.map((row) => row.ratio),
    { margin },
  );
  const metrics: MetricDiff[] = [];
  for (const [i, { better, ...row }] of rows.entries()) {
    const answer = answers[i] as Answer;
    metrics.push({ ...row, answer, worth: answer === "no difference" ? "same" : answer === better ? "better" : "worse" });
  }
  return {
    schema: DIFF_SCHEMA,
    a: nameOf(a, paths.a),
    b: nameOf(b, paths.b),
    obstacles,
    warnings: warningsAbout(a, b),
    explanations: explanationsOf(metrics, (id) => {
      const [before, after] = [a, b].map(({ hubs }) => hubs.find((hub) => hub.id === id)?.perTask["generator"]?.cpuMs?.value);
      return before !== undefined && after !== undefined && before > 0 ? after / before : undefined;
    }),
    margin,
    metrics,
    left,
    onlyInA: a.hubs.filter(({ id }) => !b.hubs.some((hub) => hub.id === id)).map(({ id }) => id),
    onlyInB: b.hubs.filter(({ id }) => !a.hubs.some((hub) => hub.id === id)).map(({ id }) => id),
    verdict: obstacles.length > 0 && !force ? "not comparable" : verdictOf(metrics),
  };
}

function rowsOf(hub: HubResult, other: HubResult) {
  const others = metricsOf(other);
  const [during, duringOther] = [machineSpeedDuring(hub), machineSpeedDuring(other)];
  const slowness = during && duringOther ? independentQuotient(duringOther, during) : null;
  return metricsOf(hub).flatMap(({ name, better, estimate, withSlowness }) => {
    const its = others.find((metric) => metric.name === name)?.estimate;
    if (!estimate || !its) return [];
    const asMeasured = independentQuotient(its, estimate);
    const moved = withSlowness && slowness ? slowness : null;
    const ratio = moved ? atOneSpeed(asMeasured, moved, withSlowness === "in proportion" ? -1 : 1) : asMeasured;
    return [{ hub: hub.id, metric: name, a: estimate, b: its, asMeasured, slowness: moved, ratio, better }];
  });
}

/** Times the slowness, or by it. The interval also holds that a hub's work may not slow down just as the reference work does. */
function atOneSpeed(asMeasured: Estimate, slowness: Estimate, power: 1 | -1): Estimate {
  const doubt = Math.exp(DOUBT * Math.abs(Math.log(slowness.value)));
  const factor = { ...slowness, low: slowness.low / doubt, high: slowness.high * doubt };
  const one = { ...slowness, value: 1, low: 1, high: 1 };
  return independentQuotient(asMeasured, power === 1 ? independentQuotient(one, factor) : factor);
}

/** Of the exponent, about 1 (docs/statistics.md). */
const DOUBT = 0.3;

/**
 * By the utilisation law a hub that is bound by its CPU bears what its quota pays for: capacity × CPU per task stays as it is
 * whatever happens to either. All as measured, as the generator's cost is. Where it did, the hub was not stopped by anything new; its tasks cost another amount.
 */
function explanationsOf(metrics: readonly MetricDiff[], generatorCost: (hub: string) => number | undefined): string[] {
  return metrics.flatMap(({ hub, metric, worth, asMeasured: ratio }) => {
    if (metric !== "capacity.tasksPerSec" || worth === "same") return [];
    const cost = metrics.find((other) => other.hub === hub && other.metric === "perTask.hub.cpuMs")?.asMeasured.value;
    const product = (cost ?? 0) * ratio.value;
    if (cost === undefined || Math.abs(Math.log(product)) > SAME_SHARE) return [];
    return [
      `${hub}: capacity ×${ratio.value.toFixed(2)} and CPU per task ×${cost.toFixed(2)} make ×${product.toFixed(2)}: it used as much of its CPU as before, and a task cost another amount, ${whoseWork(cost, generatorCost(hub))}`,
    ];
  });
}

/**
 * The load generator is the same kind of program (Node, WebSocket, JSON) on the same machine at the same time. What a task costs it
 * moves with the machine as the hub's does; by a change of the hub it moves less than half as much, since a task costs it a third
 * more at half the load.
 */
function whoseWork(cost: number, generator: number | undefined): string {
  const either = "by a change of the hub or of the machine";
  if (generator === undefined) return either;
  const its = `the load generator's work for a task cost ×${generator.toFixed(2)}`;
  const share = Math.log(generator) / Math.log(cost);
  if (share > SHARE_OF_THE_MACHINE) return `and ${its}: the machine's doing, unless the generator was changed too`;
  return share < SHARE_OF_THE_HUB ? `where ${its}: a change of the hub rather than of the machine` : `${either} (${its})`;
}

/**
 * Of the change of the hub's cost, in the logarithm, what the generator's shows. With the elasticities that were measured (−0.45 of the
 * generator's cost in the load, −0.3 of the hub's) 0.45 where only the hub was changed and 1.15 where only the machine was; runs of the
 * same hubs on a machine that had become twice as slow had 0.83 to 1.5.
 */
const SHARE_OF_THE_MACHINE = 0.75;
const SHARE_OF_THE_HUB = 0.55;

/** In the logarithm: within a tenth of itself, by which that product differs from run to run (docs/statistics.md). */
const SAME_SHARE = 0.1;

function leftOut(hub: HubResult, other: HubResult): ResultDiff["left"] {
  for (const [run, { valid, invalidReasons }] of [["A", hub] as const, ["B", other] as const]) {
    if (!valid) return [{ hub: hub.id, why: `not valid in ${run}: ${invalidReasons[0] ?? "no reason given"}` }];
  }
  return [];
}

function verdictOf(metrics: readonly MetricDiff[]): ResultDiff["verdict"] {
  if (metrics.length === 0) return "nothing to compare";
  const better = metrics.some(({ worth }) => worth === "better");
  const worse = metrics.some(({ worth }) => worth === "worse");
  if (better && worse) return "better and worse";
  if (better || worse) return better ? "better" : "worse";
  return "no difference";
}

function nameOf({ startedAt, environment }: CompareResult, path: string): RunName {
  const { hash, dirty } = (environment["commit"] ?? {}) as { hash?: string; dirty?: boolean };
  return { path, startedAt, commit: hash === undefined ? "unknown" : `${hash.slice(0, 7)}${dirty ? " with changes" : ""}` };
}
