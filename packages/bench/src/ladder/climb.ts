/** Climbs one ladder: the reference, each fix alone, then the fixes added up. */
import type { Fix } from "@hubscale/hub-single";
import { meanWorkMs } from "@hubscale/sidecar-sim";
import type { HubResult } from "../results/compare-result.ts";
import { type Workload, workTimeOf } from "../workload/workload.ts";
import type { ConditionPlan, LadderEffort } from "./ladder-effort.ts";
import { type Condition, gainsOf, type Ladder, type RungResult, rungResultOf } from "./ladder-result.ts";
import {
  aloneRungs,
  BESIDE_THE_TASK_PATH,
  CONTROL,
  inGroups,
  nameOf,
  orderByGain,
  REFERENCE,
  type Rung,
  sumRungs,
  topRung,
} from "./rungs.ts";

export interface ClimbOptions {
  effort: Pick<LadderEffort, "shortSum">;
  /** The reference once more at the end. */
  control: boolean;
  plan: Pick<ConditionPlan, "rungs">;
  condition: Condition;
  fixes: readonly Fix[];
  /** These first, in this order; undefined: all by their gain. */
  order: readonly Fix[] | undefined;
  /** Of rungs with at most one fix, and of those with more; of all where agents ask for little. */
  slowHubsAtOnce: number;
  hubsAtOnce: number;
  measure(rungs: readonly Rung[]): Promise<HubResult[]>;
  /** Told before each group. */
  at(names: string): void;
}

export async function climb(options: ClimbOptions): Promise<Ladder> {
  const { condition, effort, fixes, hubsAtOnce, plan, slowHubsAtOnce } = options;
  const rungs: RungResult[] = [];
  const climbTo = async (next: readonly Rung[], atOnce: number) => {
    for (const group of inGroups(next, atOnce)) {
      options.at(group.map(nameOf).join(", "));
      for (const [i, hub] of (await options.measure(group)).entries()) {
        rungs.push(rungResultOf(group[i] as Rung, hub, rungs[0] ?? null, condition));
      }
    }
  };
  await climbTo([REFERENCE, ...aloneRungs(fixes)], slowHubsAtOnce);
  const byGain = orderByGain(gainsOf(rungs));
  const first = options.order ?? [];
  const order = [...first, ...byGain.filter((fix) => !first.includes(fix))];
  const together = effort.shortSum && !options.order ? BESIDE_THE_TASK_PATH : new Set<Fix>();
  const sums = plan.rungs === "all" ? sumRungs(order, together) : [topRung(order)];
  const { agentsCeilingPerSec } = condition;
  const isLittleLoad = agentsCeilingPerSec !== null && agentsCeilingPerSec <= LITTLE_LOAD_PER_SEC;
  await climbTo([...sums, ...(options.control ? [CONTROL] : [])], isLittleLoad ? slowHubsAtOnce : hubsAtOnce);
  return { condition, order: { fixes: order, by: options.order ? "request" : "gain" }, rungs };
}

/** Where the agents' own work keeps all hubs below this, their generators need as little as those of slow hubs. */
const LITTLE_LOAD_PER_SEC = 200;

/** How many rungs `climb` will measure, at most. */
export function rungCount({
  control,
  effort,
  fixes,
  plan,
}: Pick<ClimbOptions, "control" | "effort" | "fixes" | "plan">): number {
  const sums = plan.rungs === "all" ? sumRungs(fixes, effort.shortSum ? BESIDE_THE_TASK_PATH : new Set()).length : 1;
  return 1 + fixes.length + sums + (control ? 1 : 0);
}

export function conditionOf(workload: Workload, queuedRows: number): Condition {
  const workMs = meanWorkMs(workTimeOf(workload));
  return {
    workload: workload.name,
    streaming: workload.streaming,
    agents: workload.agents,
    completedRows: workload.completed_rows,
    queuedRows,
    work: String(workload.work),
    agentsCeilingPerSec: workMs > 0 ? (workload.agents * 1000) / workMs : null,
  };
}
