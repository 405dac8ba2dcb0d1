/** The verdict from the measured hubs: what to do, why, and when that would change. Pure; every figure comes from the results. */
import { familyOf, memberOf } from "../drivers/hub-family.ts";
import { type Estimate, quotient } from "../measure/estimate.ts";
import type { Decision, HubResult } from "../results/compare-result.ts";

/**
 * Mean time from a user's request to its end in traces of coding agents: 4.3 min (TraceLab, arXiv 2606.30560, 2026). One busy
 * agent therefore finishes a task each 258 s.
 */
export const TASK_SECONDS_PER_BUSY_AGENT = 258;

/** `coresPerMachine`: the quota under which the hubs ran; null when they shared the machine without one. */
export function decide(hubs: readonly HubResult[], coresPerMachine: number | null): Decision {
  const usable = hubs.filter((hub) => hub.valid && hub.capacity.tasksPerSec !== null);
  const singles = usable.filter((hub) => hub.machines.backboneServers === 0).toSorted(byCapacity);
  const reference = singles.find((hub) => hub.id === "single-reference");
  const bestSingle = singles[0];
  const sharded = usable.filter((hub) => hub.machines.backboneServers > 0);
  const because: string[] = [];
  const marginal: string[] = [];
  const flipsWhen: string[] = [];

  const repair = reference && bestSingle && bestSingle !== reference ? ratio(bestSingle, reference) : undefined;
  if (repair && bestSingle && reference) {
    because.push(
      `${bestSingle.id} bears ${times(repair)} the tasks/s of ${reference.id} on the same machine (${interval(repair)}).`,
    );
    marginal.push(`fixing the single hub: ${times(repair)} capacity, no new machine`);
  }
  if (reference && bestSingle && bestSingle !== reference) because.push(...whyTheReferenceIsSlow(reference, bestSingle));
  const cost = costOf(bestSingle, sharded, coresPerMachine);
  because.push(cost.explanation);
  for (const hub of sharded) {
    if (!bestSingle) continue;
    const gain = ratio(hub, bestSingle);
    because.push(`${hub.id} (${machines(hub)}) bears ${times(gain)} the tasks/s of ${bestSingle.id} (${interval(gain)}).`);
  }
  marginal.push(...nodeMargins(sharded), ...serverMargins(sharded));
  flipsWhen.push(...flips({ reference, bestSingle, cost, coresPerMachine }));
  const spoilt = hubs.filter((hub) => !hub.valid && hub.trials.length > 0).map((hub) => hub.id);
  const [only] = usable;
  const verdict =
    only?.id === "external" && hubs.length === 1
      ? `${only.id} bears ${range(only.capacity.tasksPerSec as Estimate)} tasks/s within its SLO; there is nothing to compare it with (--hubs adds others).`
      : spoilt.length > 0
        ? `No verdict: ${spoilt.join(", ")} could not be measured validly in this run (see below); what the others show is not the whole comparison.`
        : verdictOf({ reference, bestSingle, repair, cost });
  return { verdict, because, flipsWhen, cost, marginal };
}

/** Work that the hubs counted themselves, where the reference does clearly more of it for a task. */
function whyTheReferenceIsSlow(reference: HubResult, better: HubResult): string[] {
  const parts = Object.entries(WORK_WORDS).flatMap(([name, words]) => {
    const its = reference.workPerTask[name];
    const others = better.workPerTask[name];
    if (!its || !others || its.low <= others.high) return [];
    return [`${significant(its.value)} ${words} (${significant(others.value)})`];
  });
  if (parts.length === 0) return [];
  return [`For one task ${reference.id} does, and in brackets ${better.id}: ${parts.join(", ")}.`];
}

/** In the words of the contract's cost structure. */
export const WORK_WORDS: Record<string, string> = {
  rowsRead: "task rows read and decoded (C2, C3, C8)",
  schedulingPasses: "scheduling passes (C10)",
  agentStatesRead: "agent states asked for (C3)",
  fsyncs: "synced writes (C1, C6)",
  rowsWritten: "task rows written (C1, C6)",
};

/**
 * COST, the configuration that outperforms a single thread (McSherry, Isard and Murray, HotOS 2015), for hubs: the number of hub
 * nodes at which a sharded hub first clearly beats the best single one. Measured where the interval of the ratio is above 1;
 * else projected by the utilisation law from the CPU each role spends on a task, and marked so.
 */
export function costOf(
  bestSingle: HubResult | undefined,
  sharded: readonly HubResult[],
  coresPerMachine: number | null,
): Decision["cost"] {
  const none = { nodes: null, of: "sharded", projected: false };
  if (!bestSingle) return { ...none, explanation: "No valid single hub to compare with, so COST is unknown." };
  if (sharded.length === 0) return { ...none, explanation: "No valid sharded hub in this run, so COST is unknown." };
  const beating = sharded
    .filter((hub) => ratio(hub, bestSingle).low > 1)
    .toSorted((a, b) => a.machines.hubNodes - b.machines.hubNodes)[0];
  if (beating) {
    const { hubNodes } = beating.machines;
    return {
      nodes: hubNodes,
      of: family(beating),
      projected: false,
      explanation: `COST: ${family(beating)} first beats ${bestSingle.id} at ${hubNodes} hub nodes (measured).`,
    };
  }
  const largest = sharded.toSorted((a, b) => b.machines.hubNodes - a.machines.hubNodes)[0] as HubResult;
  const tested = `not in the tested range of up to ${largest.machines.hubNodes} nodes`;
  const projection = projectedCost(bestSingle, largest, coresPerMachine ?? 1);
  if (projection === undefined) {
    return { ...none, of: family(largest), explanation: `COST: ${tested}; no projection, since CPU per task is unknown.` };
  }
  if (projection === Number.POSITIVE_INFINITY) {
    return {
      ...none,
      of: family(largest),
      projected: true,
      explanation: `COST: ${tested}; projected never with one backbone server, which saturates first.`,
    };
  }
  return {
    nodes: projection,
    of: family(largest),
    projected: true,
    explanation: `COST: ${tested}; projected at ${projection} nodes from CPU per task (utilisation law).`,
  };
}

/**
 * Smallest number of nodes whose ceiling exceeds the single hub's capacity, when each role may be as busy at its capacity as the
 * single hub was at its own. Infinity: the backbone server saturates before.
 */
function projectedCost(bestSingle: HubResult, hub: HubResult, coresPerMachine: number): number | undefined {
  const capacity = bestSingle.capacity.tasksPerSec;
  const singleMs = bestSingle.perTask.hub?.cpuMs;
  const nodeMs = hub.perTask.hub?.cpuMs;
  const backboneMs = hub.perTask.redis?.cpuMs ?? hub.perTask.nats?.cpuMs;
  if (!capacity || !singleMs || !nodeMs || !backboneMs) return undefined;
  const coreMsPerSec = coresPerMachine * 1000;
  const busyShare = Math.min(1, (capacity.value * singleMs.value) / coreMsPerSec);
  if ((busyShare * coreMsPerSec) / backboneMs.value <= capacity.value) return Number.POSITIVE_INFINITY;
  const nodes = Math.floor((capacity.value * nodeMs.value) / (busyShare * coreMsPerSec)) + 1;
  // What was measured counts more than what is projected: that many nodes were not clearly better.
  return Math.max(nodes, hub.machines.hubNodes + 1);
}

function verdictOf(given: {
  reference: HubResult | undefined;
  bestSingle: HubResult | undefined;
  repair: Estimate | undefined;
  cost: Decision["cost"];
}): string {
  const { reference, bestSingle, repair, cost } = given;
  if (!bestSingle) return "No verdict: no single hub was measured validly.";
  if (repair && repair.low > 1) {
    return `Fix the single hub first: ${bestSingle.id} gives ×${range(repair)} the capacity of the reference at no new machine.`;
  }
  if (cost.nodes !== null && !cost.projected) return `Distributing pays from ${cost.nodes} nodes on (${cost.of}).`;
  if (reference && repair) return "Leave the hub as it is: neither the repairs nor more nodes were clearly better in this run.";
  return `Keep ${bestSingle.id}: no hub in this run was clearly better.`;
}

function flips(given: {
  reference: HubResult | undefined;
  bestSingle: HubResult | undefined;
  cost: Decision["cost"];
  coresPerMachine: number | null;
}): string[] {
  const { reference, bestSingle, cost, coresPerMachine } = given;
  const lines: string[] = [];
  const perCore = coresPerMachine ?? 1;
  const at = coresPerMachine === null ? "on this machine" : `at ${coresPerMachine} core`;
  if (reference?.capacity.tasksPerSec) {
    lines.push(`load > ${range(reference.capacity.tasksPerSec)} tasks/s ${at} → the reference hub misses its SLO: fix it`);
  }
  if (bestSingle?.capacity.tasksPerSec && bestSingle !== reference) {
    const c = bestSingle.capacity.tasksPerSec;
    const next =
      cost.nodes === null
        ? "then no tested hub bears it"
        : `then ${memberOf(cost.of, cost.nodes)}${cost.projected ? " (projected)" : ""}`;
    lines.push(`load > ${range(c)} tasks/s ${at} → ${bestSingle.id} is full: ${next}`);
    const agents = Number(((c.low / perCore) * TASK_SECONDS_PER_BUSY_AGENT).toPrecision(2));
    lines.push(
      `by task rate alone that is ${agents.toLocaleString("en")} busy agents at least on one core (a task each ${TASK_SECONDS_PER_BUSY_AGENT} s; linear in cores: a projection); streamed progress is not in this figure`,
    );
  }
  return lines;
}

function nodeMargins(sharded: readonly HubResult[]): string[] {
  const lines: string[] = [];
  const ordered = sharded.toSorted((a, b) => a.machines.hubNodes - b.machines.hubNodes);
  for (const [i, hub] of ordered.entries()) {
    const before = ordered[i - 1];
    if (!before || family(before) !== family(hub)) continue;
    const added = hub.machines.hubNodes - before.machines.hubNodes;
    if (added > 0)
      lines.push(
        `+${added} hub node${added > 1 ? "s" : ""} (${before.id} → ${hub.id}): ${times(ratio(hub, before))} capacity (${interval(ratio(hub, before))})`,
      );
  }
  return lines;
}

/** Hubs of as many nodes over more servers of the same engine. */
function serverMargins(sharded: readonly HubResult[]): string[] {
  const engineOf = (hub: HubResult) => hub.id.replace(/@.*$/, "");
  const ordered = sharded.toSorted((a, b) => a.machines.backboneServers - b.machines.backboneServers);
  return ordered.flatMap((hub, index) => {
    const fewer = ordered
      .slice(0, index)
      .findLast(
        (each) =>
          engineOf(each) === engineOf(hub) &&
          each.machines.hubNodes === hub.machines.hubNodes &&
          each.machines.backboneServers < hub.machines.backboneServers,
      );
    if (!fewer) return [];
    const added = hub.machines.backboneServers - fewer.machines.backboneServers;
    const gain = ratio(hub, fewer);
    const what = `+${added} backbone server${added > 1 ? "s" : ""}`;
    return [`${what} (${fewer.id} → ${hub.id}): ${times(gain)} capacity (${interval(gain)})`];
  });
}

function ratio(a: HubResult, b: HubResult): Estimate {
  return quotient(a.capacity.tasksPerSec as Estimate, b.capacity.tasksPerSec as Estimate, "ratio");
}

function byCapacity(a: HubResult, b: HubResult): number {
  return (b.capacity.tasksPerSec?.value ?? 0) - (a.capacity.tasksPerSec?.value ?? 0);
}

function family(hub: HubResult): string {
  return familyOf(hub.id);
}

function machines(hub: HubResult): string {
  const { hubNodes, backboneServers } = hub.machines;
  return `${hubNodes} hub node${hubNodes > 1 ? "s" : ""} + ${backboneServers} backbone server${backboneServers > 1 ? "s" : ""}`;
}

function times(estimate: Estimate): string {
  return `×${significant(estimate.value)}`;
}

function interval(estimate: Estimate): string {
  return `95 % interval ×${significant(estimate.low)} to ×${significant(estimate.high)}`;
}

function range(estimate: Estimate): string {
  return `${significant(estimate.value)} [${significant(estimate.low)}, ${significant(estimate.high)}]`;
}

/** Two significant digits below 10, else whole numbers: what the intervals justify. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) < 10 ? String(Number(value.toPrecision(2))) : Math.round(value).toLocaleString("en");
}
