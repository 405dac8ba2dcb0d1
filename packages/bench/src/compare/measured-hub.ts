/** A running hub as far as measuring goes: what its processes use, and what it tells of itself. */
import type { RunningHub } from "../drivers/index.ts";
import { type RoleUsage, type UsageMark, usageBetween } from "../machine/index.ts";
import type { RoleResources } from "../results/compare-result.ts";
import type { InsideView, MeasuredHub } from "./contender.ts";
import { serverCounters } from "./server-counters.ts";

export function measuredHub(hub: RunningHub, id: string): MeasuredHub {
  return {
    id,
    machines: { hubNodes: hub.ws.length, backboneServers: hub.servers.length },
    cpuSecondsByRole: async () => cpuSecondsOf(await hub.readUsage()),
    countResources: async () => {
      const from = await hub.readUsage();
      return async () =>
        Object.fromEntries([...usageBetween(from, await hub.readUsage())].map(([role, usage]) => [role, resourcesOf(usage)]));
    },
    lookInside: () => lookInside(hub),
    describe: () => hub.describe(),
  };
}

function cpuSecondsOf({ byRole }: UsageMark): Record<string, number> {
  const sum = (usages: Iterable<{ cpuSeconds: number }>) =>
    [...usages].reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);
  return Object.fromEntries([...byRole].map(([role, usages]) => [role, sum(usages.values())]));
}

function resourcesOf(usage: RoleUsage): RoleResources {
  const { cpuSeconds, rssBytes, voluntarySwitches, involuntarySwitches } = usage;
  return {
    cpuSeconds,
    rssBytes,
    contextSwitches: voluntarySwitches === null ? null : voluntarySwitches + (involuntarySwitches ?? 0),
    bytesIn: usage.readCallBytes,
    bytesOut: usage.writeCallBytes,
    diskBytes: usage.diskWriteBytes,
  };
}

async function lookInside(hub: RunningHub): Promise<InsideView> {
  const [{ nodes }, servers, loops] = await Promise.all([
    hub.describe(),
    Promise.all(hub.servers.map(serverCounters)),
    Promise.all(hub.http.map(loopUtilisation)),
  ]);
  const known = loops.filter((share) => share !== null);
  return {
    counters: sumOf([...nodes.map((node) => node.details["counters"]), ...servers]),
    owed: nodes.reduce((sum, { details }) => sum + number(details["queuedPasses"]) + number(details["tableBacklog"]), 0),
    loopUtilisation: known.length > 0 ? Math.max(...known) : null,
  };
}

/** Since it was last asked. Null for a hub without event loop metrics, an external one for instance. */
async function loopUtilisation(url: string): Promise<number | null> {
  const answer = await fetch(`${url}/api/metrics`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).catch(() => undefined);
  if (!answer?.ok) return null;
  const metrics = (await answer.json()) as { event_loop?: { utilization?: unknown } };
  const share = metrics.event_loop?.utilization;
  return typeof share === "number" ? share : null;
}

const ANSWER_WITHIN_MS = 10_000;

function sumOf(each: readonly unknown[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counters of each) {
    if (typeof counters !== "object" || counters === null) continue;
    for (const [name, value] of Object.entries(counters)) {
      if (typeof value === "number") sums[name] = (sums[name] ?? 0) + value;
    }
  }
  return sums;
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
