/** Climbs the ladders of an effort, one condition after the other, and makes the result of what was seen. */
import { join } from "node:path";
import type { Fix } from "@hubscale/hub-single";
import { appliedSlo } from "../compare/applied-slo.ts";
import type { Progress } from "../compare/progress.ts";
import { type Slo, sloText } from "../measure/slo.ts";
import type { Workload } from "../workload/workload.ts";
import { climb, conditionOf, rungCount } from "./climb.ts";
import type { ConditionPlan, LadderEffort } from "./ladder-effort.ts";
import { notesFor } from "./ladder-notes.ts";
import { type Ladder, LADDER_SCHEMA, type LadderResult, verdictOf } from "./ladder-result.ts";
import { makeQueuedBacklog } from "./queued-backlog.ts";
import { measureRungs, type RungSetting } from "./rung-measurement.ts";

export interface LadderRunOptions extends Omit<RungSetting, "workload" | "backlogFolder" | "effort" | "tell"> {
  effort: LadderEffort;
  conditions: readonly { plan: ConditionPlan; workload: Workload }[];
  fixes: readonly Fix[];
  order: readonly Fix[] | undefined;
  slo: Slo;
  arrivals: string;
  slowHubsAtOnce: number;
  hubsAtOnce: number;
  environment: Record<string, unknown>;
  /** For data that several hubs start from. */
  folder: string;
  progress: Progress;
  startedAt: Date;
}

export async function runLadders(options: LadderRunOptions): Promise<LadderResult> {
  const { conditions, effort, fixes, fsyncFloorMs, isolation, nowMs, progress, slo } = options;
  const startMs = nowMs();
  const hasControl = (nth: number) => effort.control === "each" || (effort.control === "first" && nth === 0);
  const total = conditions.reduce((sum, { plan }, i) => sum + rungCount({ control: hasControl(i), effort, fixes, plan }), 0);
  const ladders: Ladder[] = [];
  let measured = 0;
  for (const { plan, workload } of conditions) {
    const queuedRows = plan.queuedRows ?? 0;
    const setting: RungSetting = {
      ...options,
      workload,
      effort: effort.trials,
      backlogFolder: queuedRows > 0 ? await backlogOf(queuedRows, options) : undefined,
      tell: (line) => progress.say(line),
    };
    const ladder = await climb({
      ...options,
      control: hasControl(ladders.length),
      plan,
      condition: conditionOf(workload, queuedRows),
      at: (names) => progress.at(measured / total, `${workload.name}: ${names}`),
      measure: async (rungs) => {
        const hubs = await measureRungs(rungs, setting);
        measured += rungs.length;
        return hubs;
      },
    });
    ladders.push(ladder);
  }
  const facts = {
    slo: sloText(slo),
    appliedBoundMs: appliedSlo(options).boundMs,
    arrivals: options.arrivals,
    slowHubsAtOnce: options.slowHubsAtOnce,
    hubsAtOnce: options.hubsAtOnce,
    isolation: { kind: isolation.kind, how: isolation.how, coresPerMachine: options.coresPerMachine },
    environment: { ...options.environment, ...(fsyncFloorMs > 0 && { fsyncFloorMs }) },
    ladders,
  };
  return {
    schema: LADDER_SCHEMA,
    startedAt: options.startedAt.toISOString(),
    wallSeconds: (nowMs() - startMs) / 1000,
    seed: options.seed,
    effort: effort.name,
    verdict: verdictOf(ladders[0]),
    ...facts,
    notes: notesFor(facts, effort),
  };
}

async function backlogOf(tasks: number, { care, sources, folder, progress }: LadderRunOptions): Promise<string> {
  progress.say(`submitting ${tasks} tasks that nobody can take`);
  const backlogFolder = join(folder, "backlog");
  await makeQueuedBacklog({ care, sources, folder: backlogFolder, tasks });
  return backlogFolder;
}
