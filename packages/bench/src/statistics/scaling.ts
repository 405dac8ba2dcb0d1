/**
 * What more nodes give: the measured speed-up over the smallest size of a family of hubs, and what the utilisation law says of
 * sizes beyond the largest, with the part that would be used up first. How far that law was off on sizes that it had not seen
 * is in the scaling model's error. Pure.
 */
import { standardNormal } from "@hubscale/sidecar-sim";
import { familyOf, memberOf } from "../drivers/hub-family.ts";
import { type Estimate, quantileOfSorted } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { bottleneckOf, predictedFrom } from "./scaling-model.ts";
import type { ProjectedSize, ScaledSize, Scaling } from "./scaling-schema.ts";

export type { ProjectedSize, ScaledSize, Scaling };

/** Multiples of the largest measured size. */
const BEYOND = [1.5, 2, 4];
const DRAWS = 2_000;

export function scalingOf(hubs: readonly HubResult[], coresPerMachine: number | null, random: () => number): Scaling[] {
  const families = new Map<string, HubResult[]>();
  for (const hub of hubs) {
    if (!hub.valid || !hub.capacity.tasksPerSec || hub.machines.backboneServers === 0) continue;
    const family = familyOf(hub.id);
    families.set(family, [...(families.get(family) ?? []), hub]);
  }
  const cores = coresPerMachine ?? 1;
  return [...families].flatMap(([family, members]) => {
    const sizes = members.toSorted((a, b) => a.machines.hubNodes - b.machines.hubNodes);
    const [smallest, largest] = [sizes[0], sizes.at(-1)];
    if (!smallest || !largest || smallest === largest) return [];
    return [
      {
        family,
        over: smallest.id,
        sizes: sizes.map((hub) => sizeOf(hub, smallest, cores, random)),
        beyond: beyondOf(family, sizes, cores),
      },
    ];
  });
}

function sizeOf(hub: HubResult, smallest: HubResult, cores: number, random: () => number): ScaledSize {
  const busiest = bottleneckOf(hub, cores)?.roles[0];
  return {
    hub: hub.id,
    nodes: hub.machines.hubNodes,
    tasksPerSec: capacityOf(hub),
    speedUp:
      hub === smallest ? { value: 1, low: 1, high: 1, n: capacityOf(hub).n, unit: "ratio" } : speedUp(hub, smallest, random),
    busiest: busiest ? { role: busiest.role, utilisation: busiest.utilisation.value } : null,
  };
}

/**
 * A parametric bootstrap: both capacities are drawn from what their own intervals say, in logarithms, each side of the median with
 * its own width.
 */
function speedUp(hub: HubResult, smallest: HubResult, random: () => number): Estimate {
  const [of, over] = [capacityOf(hub), capacityOf(smallest)];
  const ratios = Array.from({ length: DRAWS }, () => drawn(of, random) / drawn(over, random)).sort((a, b) => a - b);
  return {
    value: of.value / over.value,
    low: quantileOfSorted(ratios, 0.025),
    high: quantileOfSorted(ratios, 0.975),
    n: Math.min(of.n, over.n),
    unit: "ratio",
  };
}

function drawn({ value, low, high }: Estimate, random: () => number): number {
  const z = standardNormal(random);
  const end = z < 0 ? low : high;
  return end > 0 ? value * Math.exp((Math.abs(z) / NORMAL_97_5) * Math.log(end / value)) : value;
}

const NORMAL_97_5 = 1.96;

/** The interval takes each figure at the end that makes for the lower, then for the higher result. */
function beyondOf(family: string, sizes: readonly HubResult[], cores: number): ProjectedSize[] {
  const largest = sizes.at(-1) as HubResult;
  return BEYOND.flatMap((factor) => {
    const nodes = Math.ceil(largest.machines.hubNodes * factor);
    const value = predictedFrom(sizes, nodes, cores, "value");
    const low = predictedFrom(sizes, nodes, cores, "low");
    const high = predictedFrom(sizes, nodes, cores, "high");
    if (!value || !low || !high) return [];
    const { n, unit } = capacityOf(largest);
    const tasksPerSec = { value: value.tasksPerSec, low: low.tasksPerSec, high: high.tasksPerSec, n, unit };
    return [{ hub: memberOf(family, nodes), nodes, tasksPerSec, saturates: value.saturates }];
  });
}

function capacityOf(hub: HubResult): Estimate {
  return hub.capacity.tasksPerSec as Estimate;
}
