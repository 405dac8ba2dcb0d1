/** The numbers of a hub that can be set against those of another run: capacity, latency, and what a task costs. */
import type { Estimate } from "../measure/estimate.ts";
import type { HubResult } from "../results/compare-result.ts";
import { widenedForFewObservations } from "../statistics/effect-size.ts";

export interface HubMetric {
  /** As thresholds name it: `capacity.tasksPerSec`, `perTask.hub.cpuMs`. */
  name: string;
  better: "higher" | "lower";
  /** How it moves with what the same piece of work costs on the machine at that moment; undefined: in no way that is known. */
  withSlowness?: "in proportion" | "in inverse proportion";
  /** Undefined: one observation, of which no interval can be said. */
  estimate: Estimate | undefined;
}

/**
 * Capacities carry a credible interval, latencies the spread of the trials, which is wider than an interval of their median; both
 * are taken as they are. Costs carry a bootstrap, which is widened for few trials. Numbers of zero have no ratio and are left out.
 */
export function metricsOf(hub: HubResult): HubMetric[] {
  const found: HubMetric[] = [];
  const add = (
    name: string,
    better: HubMetric["better"],
    estimate: Estimate | null | undefined,
    { few = false, withSlowness }: { few?: boolean; withSlowness?: HubMetric["withSlowness"] } = {},
  ) => {
    if (!estimate || !(estimate.low > 0)) return;
    const known = few || estimate.n < 2 ? widenedForFewObservations(estimate) : estimate;
    found.push({ name, better, estimate: known, ...(withSlowness && { withSlowness }) });
  };
  const { tasksPerSec, ...held } = hub.capacity;
  add("capacity.tasksPerSec", "higher", tasksPerSec, { withSlowness: "in inverse proportion" });
  for (const [name, estimate] of Object.entries(held)) add(`capacity.${name}`, "higher", estimate);
  add("latency.assignMsP50", "lower", hub.latency.assignMsP50);
  add("latency.assignMsP99", "lower", hub.latency.assignMsP99);
  for (const [role, cost] of Object.entries(hub.perTask)) {
    if (role === "generator") continue;
    add(`perTask.${role}.cpuMs`, "lower", cost.cpuMs, { few: true, withSlowness: "in proportion" });
    add(`perTask.${role}.fsyncs`, "lower", cost.fsyncs, { few: true });
  }
  return found;
}
