/** Whether two results may be set against each other: what has to be alike for a ratio of the two to mean the hub. Pure. */
import type { CompareResult, HubResult } from "../results/compare-result.ts";
import { machineSpeedOf, NOTABLE_OTHERS_CORES, othersCoresOf } from "../results/machine-meanwhile.ts";

/** Something that is not alike. */
export interface Discord {
  what: string;
  a: string;
  b: string;
}

/** Of the environment; what is not in here (commit, load, memory) may differ. */
const MACHINE = ["cpuModel", "cpus", "cpuLimitCores", "platform", "kernel", "node", "fsyncFloorMs"] as const;

/** What forbids the comparison. */
export function obstaclesBetween(a: CompareResult, b: CompareResult): Discord[] {
  const pairs: [what: string, a: unknown, b: unknown][] = [
    ...MACHINE.map((name): [string, unknown, unknown] => [name, a.environment[name] ?? null, b.environment[name] ?? null]),
    ["data disk", diskOf(a), diskOf(b)],
    ["machines", machinesOf(a), machinesOf(b)],
    ["CPU quota", quotaOf(a), quotaOf(b)],
    ["SLO", a.slo, b.slo],
    ["SLO bound as applied", Math.round(a.appliedBoundMs), Math.round(b.appliedBoundMs)],
    ["workload", a.workload, b.workload],
  ];
  for (const hub of a.hubs) {
    const other = b.hubs.find(({ id }) => id === hub.id);
    if (!other) continue;
    pairs.push([`${hub.id}: durability`, durabilityOf(hub), durabilityOf(other)]);
    // A refused hub has no servers; that it is refused is told on its own.
    if (hub.describe !== null && other.describe !== null) pairs.push([`${hub.id}: servers`, serversOf(hub), serversOf(other)]);
  }
  return pairs.flatMap(([what, left, right]) => (text(left) === text(right) ? [] : [{ what, a: text(left), b: text(right) }]));
}

/** What should be read beside the comparison, but does not forbid it. */
export function warningsAbout(a: CompareResult, b: CompareResult): string[] {
  const warnings: string[] = [];
  const [syncA, syncB] = [syncMsOf(a), syncMsOf(b)];
  if (syncA !== null && syncB !== null && Math.max(syncA / syncB, syncB / syncA) > NOTABLE_DISK_FACTOR) {
    warnings.push(`an fsync took ${syncA.toPrecision(2)} ms before A and ${syncB.toPrecision(2)} ms before B (median)`);
  }
  const [referenceA, referenceB] = [a, b].map((result) => machineSpeedOf(result)?.median ?? null) as [
    number | null,
    number | null,
  ];
  if (
    referenceA !== null &&
    referenceB !== null &&
    Math.max(referenceA / referenceB, referenceB / referenceA) > NOTABLE_SPEED_FACTOR
  ) {
    warnings.push(
      `the machine was not the same: the same piece of work took ${referenceA.toPrecision(2)} ms of CPU during A and ${referenceB.toPrecision(2)} ms during B (median of the trials), which is taken out of the ratios of CPU and tasks/s and of no others`,
    );
  }
  for (const [name, result] of [["A", a] as const, ["B", b] as const]) {
    const { environment } = result;
    const others = othersCoresOf(result)?.median ?? 0;
    if (others >= NOTABLE_OTHERS_CORES) {
      warnings.push(
        `other programs used ${others.toPrecision(2)} of a core during ${name} (median of the trials), and its tasks cost more for it`,
      );
    }
    const load = Number(environment["loadAverage1Min"] ?? 0);
    const cpus = Number(environment["cpus"] ?? 1);
    if (load > NOTABLE_LOAD_SHARE * cpus) {
      warnings.push(`${name} began on a busy machine: load average ${load.toPrecision(2)} on ${cpus} CPUs`);
    }
  }
  if (a.effort !== b.effort)
    warnings.push(`A was measured at effort ${a.effort}, B at ${b.effort}: their intervals differ in width`);
  return warnings;
}

const NOTABLE_DISK_FACTOR = 2;
const NOTABLE_SPEED_FACTOR = 1.1;
const NOTABLE_LOAD_SHARE = 0.5;

function diskOf({ environment }: CompareResult): unknown {
  const { filesystem = null, device = null } = (environment["dataDisk"] ?? {}) as Record<string, unknown>;
  return `${String(filesystem)} on ${String(device)}`;
}

function syncMsOf({ environment }: CompareResult): number | null {
  const { syncMsP50 } = (environment["dataDisk"] ?? {}) as Record<string, unknown>;
  return typeof syncMsP50 === "number" && syncMsP50 > 0 ? syncMsP50 : null;
}

function quotaOf({ isolation: { kind, coresPerMachine } }: CompareResult): string {
  return coresPerMachine === null ? "none" : `${coresPerMachine} core by ${kind}`;
}

/** Of a run on several: which machine had which part, and what it is. */
function machinesOf({ environment }: CompareResult): string {
  const hosts = (environment["hosts"] ?? []) as { takes: string[]; machine: Record<string, unknown> }[];
  const factsOf = ({ takes, machine }: (typeof hosts)[number]) =>
    [...takes, ...["cpuModel", "cpus", "kernel", "node"].map((name) => String(machine[name]))].join(" ");
  return hosts.map(factsOf).sort().join("; ") || "one";
}

function durabilityOf({ durability: { required, verified } }: HubResult): string {
  return `${required} required, ${verified} verified`;
}

function serversOf(hub: HubResult): string {
  const { servers } = (hub.describe ?? {}) as { servers?: { kind: string; version: string }[] };
  return servers?.map(({ kind, version }) => `${kind} ${version}`).join(", ") || "none";
}

/** Objects with their keys in order, so that only the values count. */
function text(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, part]) => `${name} ${text(part)}`)
    .join(", ");
}
