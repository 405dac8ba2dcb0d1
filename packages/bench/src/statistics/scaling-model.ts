/**
 * What the measured hubs say of sizes that were not measured: the USL over the node counts, and the utilisation law (Denning and
 * Buzen 1978: utilisation = throughput × service demand) for what is used up first and next. Both are scored on points that they
 * had not seen. Pure.
 */
import { linearRegression, linearRegressionLine } from "simple-statistics";
import { familyOf } from "../drivers/hub-family.ts";
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import type { Bottleneck, ModelError, RoleLoad, ScalingModel, UslFit } from "./scaling-schema.ts";
import { fitUsl, LEAST_POINTS } from "./usl.ts";

export type { Bottleneck, ModelError, RoleLoad, ScalingModel };

export function scalingModelOf(hubs: readonly HubResult[], coresPerMachine: number | null, random: () => number): ScalingModel {
  const measured = hubs.filter((hub) => hub.valid && hub.capacity.tasksPerSec !== null);
  const cores = coresPerMachine ?? 1;
  const families = familiesOf(measured.filter((hub) => hub.machines.backboneServers > 0));
  const fits: Record<string, UslFit> = {};
  const reasons: string[] = [];
  for (const [family, members] of families) {
    const points = members.flatMap((hub) =>
      hub.capacity.tasksPerSec ? [{ nodes: hub.machines.hubNodes, throughput: hub.capacity.tasksPerSec }] : [],
    );
    const outcome = fitUsl(points, random);
    if (outcome.fitted) fits[family] = outcome;
    else reasons.push(`${family}: ${outcome.reason}`);
  }
  const none = families.size === 0 ? `no sharded hub was measured; a fit needs ${LEAST_POINTS} node counts` : null;
  return {
    usl: Object.keys(fits).length > 0 ? fits : null,
    whyNoUsl: none ?? (reasons.length > 0 ? reasons.join("; ") : null),
    bottlenecks: measured.flatMap((hub) => bottleneckOf(hub, cores) ?? []),
    error: errorOf([...families.values()], cores),
  };
}

export function bottleneckOf(hub: HubResult, cores: number): Bottleneck | undefined {
  const roles = rolesOf(hub, cores);
  const [first, next] = roles;
  return first && { hub: hub.id, roles, first: first.role, next: next?.role ?? null };
}

function rolesOf(hub: HubResult, cores: number): RoleLoad[] {
  const capacity = hub.capacity.tasksPerSec as Estimate;
  const loads = Object.entries(hub.perTask).flatMap(([role, { cpuMs }]) => {
    // Of a generator that is at its end no capacity is believed in the first place.
    if (role === "generator" || !cpuMs || !(cpuMs.low > 0)) return [];
    const allowedMsPerSec = cores * 1000 * machinesOf(hub, role);
    const share = (rate: number, demandMs: number) => (rate * demandMs) / allowedMsPerSec;
    const n = Math.min(capacity.n, cpuMs.n);
    const utilisation: Estimate = {
      value: share(capacity.value, cpuMs.value),
      low: share(capacity.low, cpuMs.low),
      high: share(capacity.high, cpuMs.high),
      n,
      unit: "",
    };
    const at = (demandMs: number) => allowedMsPerSec / demandMs;
    const ceiling: Estimate = {
      value: at(cpuMs.value),
      low: at(cpuMs.high),
      high: at(cpuMs.low),
      n: cpuMs.n,
      unit: capacity.unit,
    };
    return [{ role, utilisation, ceiling }];
  });
  return loads.sort((a, b) => b.utilisation.value - a.utilisation.value);
}

/** Each size predicted from the others of its family. */
function errorOf(families: readonly (readonly HubResult[])[], cores: number): ModelError | null {
  const heldOut: ModelError["heldOut"] = [];
  const halfWidths: number[] = [];
  for (const members of families) {
    for (const hub of members) {
      const others = members.filter((other) => other.machines.hubNodes !== hub.machines.hubNodes);
      const capacity = hub.capacity.tasksPerSec as Estimate;
      const predicted = predictedFrom(others, hub.machines.hubNodes, cores)?.tasksPerSec;
      if (predicted === undefined) continue;
      const from = others.map(({ id }) => id).join(", ");
      const errorPercent = (100 * (capacity.value - predicted)) / predicted;
      heldOut.push({ hub: hub.id, from, predicted, measured: capacity.value, errorPercent });
      halfWidths.push((100 * (capacity.high - capacity.low)) / 2 / capacity.value);
    }
  }
  if (heldOut.length === 0) return null;
  return {
    heldOut,
    meanPercent: mean(heldOut.map((each) => Math.abs(each.errorPercent))),
    measuredHalfWidthPercent: mean(halfWidths),
  };
}

/**
 * What a size of a family bears, by those of its sizes that were measured: each role ends where its CPU is used up at what a task
 * costs it there, as far as it was used where it was the busiest. `end`: of the interval of each figure that goes into it.
 */
export function predictedFrom(
  known: readonly HubResult[],
  nodes: number,
  cores: number,
  end: "value" | "low" | "high" = "value",
): { tasksPerSec: number; saturates: string } | undefined {
  const sizes = known.map((hub) => ({ hub, roles: rolesOf(hub, cores) }));
  const nearest = sizes.toSorted((a, b) => distance(a.hub, nodes) - distance(b.hub, nodes))[0];
  if (!nearest?.roles.some(({ role }) => role === "hub")) return undefined;
  const ends = nearest.roles.map(({ role, ceiling, utilisation }) => {
    const machines = role === "hub" ? nodes : machinesOf(nearest.hub, role);
    // Too few for a line: what it costs on the nearest size.
    const demandMs = demandAt(nodes, role, known) ?? (cores * 1000 * machinesOf(nearest.hub, role)) / ceiling.value;
    // As far above or below its middle as the nearest size's own.
    const bears = ((cores * 1000 * machines) / demandMs) * (ceiling[end] / ceiling.value);
    const reached = sizes.flatMap(({ roles }) => (roles[0]?.role === role ? Math.min(1, roles[0].utilisation.value) : []));
    // A hub misses its SLO before its CPU is used up; a role that was never the busiest may go to its end.
    const share = reached.length > 0 ? Math.min(1, (mean(reached) * utilisation[end]) / utilisation.value) : 1;
    return { role, bears: bears * share };
  });
  const first = ends.reduce((least, each) => (each.bears < least.bears ? each : least));
  return { tasksPerSec: first.bears, saturates: first.role };
}

/**
 * CPU milliseconds of a role for a task at so many nodes. Each node adds to it (what it asks the backbone for and the others tell it)
 * and shares in batches: a line through three sizes and more, never below the cheapest; undefined where there are fewer.
 */
function demandAt(nodes: number, role: string, known: readonly HubResult[]): number | undefined {
  const points = known.flatMap(({ machines, perTask }) => {
    const cpuMs = perTask[role]?.cpuMs;
    return cpuMs ? [[machines.hubNodes, cpuMs.value]] : [];
  });
  if (points.length < LEAST_FOR_A_LINE) return undefined;
  const cheapest = Math.min(...points.map(([, ms]) => ms as number));
  return Math.max(cheapest, linearRegressionLine(linearRegression(points))(nodes));
}

const LEAST_FOR_A_LINE = 3;

function machinesOf({ machines }: HubResult, role: string): number {
  return role === "hub" ? machines.hubNodes : Math.max(1, machines.backboneServers);
}

function familiesOf(hubs: readonly HubResult[]): Map<string, HubResult[]> {
  const families = new Map<string, HubResult[]>();
  for (const hub of hubs) {
    const family = familyOf(hub.id);
    families.set(family, [...(families.get(family) ?? []), hub]);
  }
  return families;
}

/** In powers of two; the smaller one where two are as near, since a projection goes up. */
function distance(hub: HubResult, nodes: number): number {
  const steps = Math.log2(hub.machines.hubNodes / nodes);
  return Math.abs(steps) + (steps > 0 ? 1e-9 : 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
