/** A comparison's hubs in a fleet: what a team of the shipped size would meet first, and when the hub would be what it meets. */
import { decideFleet, rounded, type Wall } from "@hubscale/fleet-model";
import type { CompareResult } from "../results/compare-result.ts";
import { loadFleet } from "../workload/fleet-file.ts";
import { loadWorkload } from "../workload/workload.ts";
import { DRAWS, fleetInput } from "./fleet-input.ts";
import { nextBottleneck } from "./fleet-report.ts";
import { evidenceOf } from "./hub-evidence-file.ts";
import type { ComparedFleet } from "./fleet-schema.ts";

export type { ComparedFleet };

const FLEET = "office";
const WORKLOAD = "coding";

/** Undefined: no hub of the run has a valid capacity. */
export function comparedFleet(
  result: Pick<CompareResult, "hubs" | "environment" | "workload" | "isolation" | "startedAt" | "seed" | "ladder">,
): { fleet: ComparedFleet; walls: Wall[] } | undefined {
  const evidence = evidenceOf(result, "measured");
  if (evidence.hubs.length === 0) return undefined;
  const fleet = loadFleet(FLEET);
  const workload = loadWorkload(WORKLOAD);
  if (!fleet.ok || !workload.ok || !workload.mix)
    throw new Error(`the shipped fleet '${FLEET}' or workload '${WORKLOAD}' is broken`);
  const input = fleetInput({
    fleet: fleet.fleet,
    mix: workload.mix,
    evidence,
    hubId: undefined,
    tasksPerHour: null,
    growthPerMonth: 0,
    fsyncMs: null,
    completedRows: undefined,
    draws: DRAWS,
    seed: result.seed,
  });
  const decision = decideFleet(input);
  return { fleet: { workload: WORKLOAD, input, decision }, walls: decision.walls };
}

/** For the table that a comparison ends with. */
export function fleetLines({ fleet }: Pick<CompareResult, "fleet">): { next: string[]; flips: string[]; marginal: string[] } {
  if (!fleet) return { next: [], flips: [], marginal: [] };
  const { input, decision } = fleet;
  const where = `fleet ${input.fleet.name} (${decision.now.agents} agents, model)`;
  const worth = decision.marginal.map(
    ({ change, tasksPerHour }) => `${change} ${tasksPerHour.value < 0 ? "" : "+"}${rounded(tasksPerHour)} tasks/h`,
  );
  return {
    next: [`${where}: ${nextBottleneck(decision)}`],
    flips: decision.flipsWhen.map((line) => `${where}: ${line}`),
    marginal: [`${where}: ${worth.join(" · ")}`],
  };
}
