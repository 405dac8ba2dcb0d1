/** A running hub as far as measuring goes: what its processes use, and what it tells of itself. */
import type { RunningHub } from "../drivers/index.ts";
import { type RoleUsage, type UsageMark, usageBetween } from "../machine/index.ts";
import type { RoleResources } from "../results/compare-result.ts";
import type { InsideView, MeasuredHub } from "./contender.ts";
import type { LoopTime } from "./loop-time.ts";
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
    Promise.all(hub.http.map(loopTime)),
  ]);
  return {
    counters: sumOf([...nodes.map((node) => node.details["counters"]), ...servers]),
    owed: nodes.reduce((sum, { details }) => sum + number(details["queuedPasses"]) + number(details["tableBacklog"]), 0),
    loops: loops.filter((loop) => loop !== null),
  };
}

/** Null for a hub without event loop metrics, an external one for instance. */
async function loopTime(url: string): Promise<LoopTime | null> {
  const answer = await fetch(`${url}/api/metrics`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).catch(() => undefined);
  if (!answer?.ok) return null;
  const { event_loop: loop } = (await answer.json()) as { event_loop?: { active_ms?: unknown; idle_ms?: unknown } };
  const isTold = typeof loop?.active_ms === "number" && typeof loop.idle_ms === "number";
  return isTold ? { activeMs: loop.active_ms as number, idleMs: loop.idle_ms as number } : null;
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
