/** A contender's trials, turned into the numbers of the result. Pure. */
import { median } from "simple-statistics";
import { LatencyRecord } from "../load/latency-record.ts";
import { medianEstimate, ratioEstimate, spreadEstimate, type Estimate } from "../measure/estimate.ts";
import type { Bound, HubResult, RoleCost, RoleResources, TrialSummary } from "../results/compare-result.ts";
import type { CheckedHistory, Contender } from "./contender.ts";

export interface HubFacts {
  durability: HubResult["durability"];
  describe: unknown;
  checked: CheckedHistory;
  /** The quota of each machine in cores; null: none. */
  coresPerMachine: number | null;
  /** CPUs of the machine on which hub and generator ran, and whatever else; not given: not one machine. */
  machineCpus?: number;
  /** False: nobody has looked for the capacity in tasks. Default true. */
  searchedTasks?: boolean;
}

export function hubResultOf(contender: Contender, facts: HubFacts, random: () => number): HubResult {
  const { hub, trials, search } = contender;
  const found = search && trials.some((trial) => trial.outcome !== "invalid") ? search.estimate() : null;
  const counted = trialsThatCount(trials, found?.value ?? 0);
  const paid = trialsThatPaid(trials, found?.value ?? 0);
  const crowded = crowdedReason(contender, facts);
  const invalidReasons = [
    ...invalidReasonsOf(contender, facts.checked, facts.searchedTasks ?? true),
    ...(crowded === null ? [] : [crowded]),
  ];
  const perTask = costsByRole(trials, paid, random);
  const workPerTask = workOf(contender, paid, random);
  const fsyncs = workPerTask["fsyncs"] ?? null;
  if (fsyncs && perTask["hub"]) perTask["hub"] = { ...perTask["hub"], fsyncs };
  const capacity = invalidReasons.length > 0 && !found ? null : found;
  return {
    id: hub.id,
    valid: invalidReasons.length === 0,
    invalidReasons,
    durability: facts.durability,
    machines: hub.machines,
    capacity: { tasksPerSec: capacity, streamingAgents: null, messagesPerSec: null, connections: null },
    capacityNotes: {},
    latency: {
      assignMsP50: latencyOf(counted, (trial) => trial.assignMsP50),
      assignMsP99: latencyOf(counted, (trial) => trial.assignMsP99),
      assignServiceMsP99: latencyOf(counted, serviceP99Of),
      histograms: mergedHistograms(contender, counted),
    },
    perTask,
    history: facts.checked.history,
    bound: boundOf(capacity, perTask, hub.machines, facts.coresPerMachine),
    workPerTask,
    trials,
    describe: facts.describe,
  };
}

/** Held trials near the capacity; if there are none near it, all that held; if none held, all that were valid. */
function trialsThatCount(trials: readonly TrialSummary[], capacity: number): TrialSummary[] {
  const held = trials.filter((trial) => trial.outcome === "held");
  const near = held.filter((trial) => trial.load >= NEAR_CAPACITY * capacity);
  if (near.length > 0) return near;
  return held.length > 0 ? held : trials.filter((trial) => trial.outcome !== "invalid");
}

/**
 * What a task costs does not depend on the SLO: all valid trials near the capacity that left no debt, which would be missing. Those
 * that ended early are taken only where there are no others: little but their warm-up and their drain is left of them.
 */
function trialsThatPaid(trials: readonly TrialSummary[], capacity: number): TrialSummary[] {
  const allPaid = trials.filter((trial) => trial.outcome !== "invalid" && trial.quietAfterMs !== null);
  const whole = allPaid.filter((trial) => !trial.endedEarly);
  const paid = whole.length > 0 ? whole : allPaid;
  const near = paid.filter((trial) => trial.load >= NEAR_CAPACITY * capacity);
  return near.length > 0 ? near : paid;
}

function costsByRole(
  trials: readonly TrialSummary[],
  counted: readonly TrialSummary[],
  random: () => number,
): Record<string, RoleCost> {
  const roles = [...new Set(trials.flatMap((trial) => Object.keys(trial.cpuSecondsByRole)))];
  return Object.fromEntries(
    roles.map((role) => {
      const spent = counted.map((trial) => ({
        numerator: (trial.cpuSecondsByRole[role] ?? 0) * 1000,
        denominator: trial.completed,
      }));
      const perTask = (unit: string, of: (resources: RoleResources) => number | null) => {
        const known = counted.flatMap((trial) => {
          const resources = trial.resourcesByRole[role];
          const numerator = resources ? of(resources) : null;
          return numerator === null ? [] : [{ numerator, denominator: trial.completed }];
        });
        return ratioEstimate(known, unit, random) ?? null;
      };
      const rss = counted.flatMap((trial) => trial.resourcesByRole[role]?.rssBytes ?? []).map((bytes) => bytes / 2 ** 20);
      const cost: RoleCost = {
        cpuMs: ratioEstimate(spent, "ms", random) ?? null,
        fsyncs: null,
        bytesIn: perTask("bytes", ({ bytesIn }) => bytesIn),
        bytesOut: perTask("bytes", ({ bytesOut }) => bytesOut),
        diskBytes: perTask("bytes", ({ diskBytes }) => diskBytes),
        contextSwitches: perTask("switches", ({ contextSwitches }) => contextSwitches),
        rssMiB: medianEstimate(rss, "MiB", random) ?? null,
      };
      return [role, cost];
    }),
  );
}

function workOf(contender: Contender, counted: readonly TrialSummary[], random: () => number): Record<string, Estimate> {
  const work: Record<string, Estimate> = {};
  const names = new Set(contender.countersPerTrial.flatMap((counters) => Object.keys(counters)));
  for (const name of names) {
    const observations = counted.map((trial) => ({
      numerator: contender.countersPerTrial[contender.trials.indexOf(trial)]?.[name] ?? 0,
      denominator: trial.completed,
    }));
    const estimate = ratioEstimate(observations, `${name}/task`, random);
    if (estimate) work[name] = estimate;
  }
  return work;
}

function serviceP99Of({ histograms }: TrialSummary): number | null {
  return histograms.service === "" ? null : LatencyRecord.merged([histograms.service]).quantileMs(99);
}

function mergedHistograms(contender: Contender, counted: readonly TrialSummary[]) {
  const held = counted.filter((trial) => trial.outcome === "held");
  const each = held.flatMap((trial) => contender.histogramsPerTrial[contender.trials.indexOf(trial)] ?? []);
  if (each.length === 0) return null;
  const merged = (kind: "response" | "service", stage: "submit" | "assign" | "complete") =>
    LatencyRecord.merged(each.map((trial) => trial[kind][stage])).encode().hdrMicros;
  const stages = (kind: "response" | "service") => ({
    submit: merged(kind, "submit"),
    assign: merged(kind, "assign"),
    complete: merged(kind, "complete"),
  });
  return { response: stages("response"), service: stages("service") };
}

function latencyOf(trials: readonly TrialSummary[], of: (trial: TrialSummary) => number | null): Estimate | null {
  const values = trials.filter((trial) => trial.outcome === "held").flatMap((trial) => of(trial) ?? []);
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return spreadEstimate(sorted[Math.floor(sorted.length / 2)] as number, values, "ms");
}

function invalidReasonsOf({ trials, search }: Contender, { history, offending }: CheckedHistory, searched: boolean): string[] {
  const reasons: string[] = [];
  const examples = offending.length > 0 ? ` (for instance ${offending.slice(0, 3).join(", ")})` : "";
  if (history.lost > 0) reasons.push(`${history.lost} acknowledged tasks were lost${examples}`);
  if (history.duplicated > 0) reasons.push(`${history.duplicated} tasks were completed more than once${examples}`);
  if (history.staleAccepted > 0) reasons.push(`${history.staleAccepted} stale completions were accepted${examples}`);
  if ((history.unverified ?? 0) > 0) {
    reasons.push(`${history.unverified} acknowledged tasks may be lost: the hub could not be asked about them${examples}`);
  }
  if (!searched) return reasons;
  const invalid = trials.filter((trial) => trial.outcome === "invalid");
  if (trials.length === 0) reasons.push("no trial was run");
  else if (invalid.length * 2 > trials.length) {
    reasons.push(
      `${invalid.length} of ${trials.length} trials were spoilt by the load generator: ${invalid[0]?.reasons[0] ?? ""}`,
    );
  }
  if (search?.isOneSided() && trials.length > invalid.length) {
    const held = trials.some((trial) => trial.outcome === "held");
    reasons.push(
      held ? "no load was found that it misses: the capacity is only a lower bound" : "it held no load that was tried",
    );
  }
  return reasons;
}

/**
 * A quota is a promise only while the machine has what was promised: to this hub, its load, and the other programs that were busy
 * meanwhile. More promised than there is does no harm until it is asked for.
 */
function crowdedReason({ hub, trials }: Contender, { coresPerMachine, machineCpus }: HubFacts): string | null {
  const shares = trials.flatMap(({ othersCores = null, wallSeconds = 0, cpuSecondsByRole }) => {
    if (othersCores === null || !(wallSeconds > 0)) return [];
    const generator = (cpuSecondsByRole["generator"] ?? 0) / wallSeconds;
    const own = Object.values(cpuSecondsByRole).reduce((sum, seconds) => sum + seconds, 0) / wallSeconds;
    return [{ others: othersCores, generator, all: own + othersCores }];
  });
  if (coresPerMachine === null || machineCpus === undefined || shares.length === 0) return null;
  const others = median(shares.map((share) => share.others));
  const generator = median(shares.map((share) => share.generator));
  const promised = coresPerMachine * (hub.machines.hubNodes + hub.machines.backboneServers);
  if (promised + generator + others <= machineCpus) return null;
  if (median(shares.map(({ all }) => all)) < FULL_SHARE * machineCpus) return null;
  return `the machine's ${machineCpus} cores were full: ${promised.toFixed(2)} were promised to it and ${generator.toFixed(2)} went to its load, but ${others.toFixed(2)} to other programs; measure fewer hubs at once (--hubs), give each machine less (--cores), or end what else is running`;
}

/** The busiest role at the capacity, by the utilisation law: utilisation = throughput × service demand. */
function boundOf(
  capacity: Estimate | null,
  perTask: Record<string, RoleCost>,
  machines: HubResult["machines"],
  coresPerMachine: number | null,
): Bound {
  if (!capacity) return { role: null, utilisation: null, explanation: "–" };
  const uses = Object.entries(perTask)
    .filter(([role, cost]) => role !== "generator" && cost.cpuMs !== null)
    .map(([role, cost]) => {
      const count = role === "hub" ? machines.hubNodes : Math.max(1, machines.backboneServers);
      const allowedMsPerSec = (coresPerMachine ?? 1) * 1000 * count;
      return { role, utilisation: (capacity.value * (cost.cpuMs?.value ?? 0)) / allowedMsPerSec };
    })
    .sort((a, b) => b.utilisation - a.utilisation);
  const busiest = uses[0];
  if (!busiest) return { role: null, utilisation: null, explanation: "–" };
  const percent = uses.map((use) => `${use.role} CPU ${Math.round(use.utilisation * 100)} %`).join(", ");
  const isBound = busiest.utilisation >= BUSY_UTILISATION;
  return {
    role: isBound ? busiest.role : null,
    utilisation: busiest.utilisation,
    explanation: isBound ? percent : `latency, before CPU is used up (${percent})`,
  };
}

/** Of the machine, over whole trials: at their beginnings and ends there is little to do. */
const FULL_SHARE = 0.85;
const NEAR_CAPACITY = 0.6;
/** Below this share of its allowance a role is not what holds a hub back. */
const BUSY_UTILISATION = 0.7;
