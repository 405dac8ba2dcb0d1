/**
 * What the measured hubs say of sizes that were not measured: the USL over the node counts, and the utilisation law (Denning and
 * Buzen 1978: utilisation = throughput × service demand) for what is used up first and next. Both are scored on points that they
 * had not seen. Pure.
 */
import { familyOf } from "../drivers/hub-family.ts";
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { fitUsl, LEAST_POINTS, type UslFit } from "./usl.ts";

export interface ScalingModel {
  /** By family of hubs (`sharded-redis`). Null: no family had points enough; `whyNoUsl` says so. */
  usl: Record<string, UslFit> | null;
  whyNoUsl: string | null;
  /** Of each measured hub. */
  bottlenecks: Bottleneck[];
  /** How far the utilisation law is off where it can be checked; null: no family was measured at two sizes. */
  error: ModelError | null;
}

export interface Bottleneck {
  hub: string;
  /** By role, the busiest first. */
  roles: RoleLoad[];
  /** Used up first as the load rises, and what would be next if that were lifted; null: only one role. */
  first: string;
  next: string | null;
}

export interface RoleLoad {
  role: string;
  /** Share of what the role may use (its quota, or one core each), at the hub's capacity. */
  utilisation: Estimate;
  /** Tasks/s at which the role would be used up, at the CPU that a task cost. A projection. */
  ceiling: Estimate;
}

export interface ModelError {
  heldOut: { hub: string; from: string; predicted: number; measured: number; errorPercent: number }[];
  /** Mean of the errors' sizes. */
  meanPercent: number;
  /** Half the width of the measured capacities' intervals, mean: what the error is to be held against. */
  measuredHalfWidthPercent: number;
}

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

/** Each size predicted from the nearest other one of its family: the same CPU for a task, and nodes as busy as they were there. */
function errorOf(families: readonly (readonly HubResult[])[], cores: number): ModelError | null {
  const heldOut: ModelError["heldOut"] = [];
  const halfWidths: number[] = [];
  for (const members of families) {
    for (const hub of members) {
      const others = members.filter((other) => other.machines.hubNodes !== hub.machines.hubNodes);
      const from = others.sort((a, b) => distance(a, hub) - distance(b, hub))[0];
      const capacity = hub.capacity.tasksPerSec as Estimate;
      const predicted = from && predictedFrom(from, hub.machines.hubNodes, cores)?.tasksPerSec;
      if (!from || predicted === undefined) continue;
      const errorPercent = (100 * (capacity.value - predicted)) / predicted;
      heldOut.push({ hub: hub.id, from: from.id, predicted, measured: capacity.value, errorPercent });
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

/** `end`: of the interval of each figure that goes into it. */
export function predictedFrom(
  hub: HubResult,
  nodes: number,
  cores: number,
  end: "value" | "low" | "high" = "value",
): { tasksPerSec: number; saturates: string } | undefined {
  const roles = rolesOf(hub, cores);
  const own = roles.find(({ role }) => role === "hub");
  if (!own) return undefined;
  // A hub misses its SLO before its CPU is used up; other roles may go to their end.
  const nodesBear = (own.ceiling[end] * Math.min(1, own.utilisation[end]) * nodes) / hub.machines.hubNodes;
  const ends = [{ role: "hub", bears: nodesBear }];
  for (const { role, ceiling } of roles) if (role !== "hub") ends.push({ role, bears: ceiling[end] });
  const first = ends.reduce((least, each) => (each.bears < least.bears ? each : least));
  return { tasksPerSec: first.bears, saturates: first.role };
}

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
function distance(other: HubResult, hub: HubResult): number {
  const steps = Math.log2(other.machines.hubNodes / hub.machines.hubNodes);
  return Math.abs(steps) + (steps > 0 ? 1e-9 : 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
