/** What the harness itself takes and can offer: a trial against a hub that does nothing. */
import type { HarnessFloor } from "../results/compare-result.ts";
import type { Workload } from "../workload/workload.ts";
import type { ReadyEntrant } from "./entrant.ts";
import type { Slo } from "../measure/slo.ts";
import { SHORT_WARM_UP } from "./warm-up.ts";

/** Enough arrivals for a p99, and far from what the generator can. */
const RATE_PER_SEC = 300;
const TRIAL_MS = 1_500;
const WARM_UP_MS = 300;
const DRAIN_LIMIT_MS = 5_000;

/** Tasks of the same size and agents as many, and nothing that takes time by itself. */
export function bareWorkload({ name, slo, agents, task }: Workload): Workload {
  return { name, slo, agents, task, arrivals: "poisson", completed_rows: 0, work: 0, streaming: false };
}

export async function measureFloor(entrant: ReadyEntrant, { seed, slo }: { seed: number; slo: Slo }): Promise<HarnessFloor> {
  const { generator } = entrant;
  await entrant.warmUp(SHORT_WARM_UP);
  const cpuBefore = await generator.cpuSeconds();
  const trial = await generator.trial({
    load: RATE_PER_SEC,
    durationMs: TRIAL_MS,
    warmupMs: WARM_UP_MS,
    drainLimitMs: DRAIN_LIMIT_MS,
    seed,
    // No bound: a floor that is high is to be seen, not cut off.
    slo: { ...slo, boundMs: DRAIN_LIMIT_MS },
  });
  const generatorCpuMsPerTask = (((await generator.cpuSeconds()) - cpuBefore) * 1000) / Math.max(1, trial.completed);
  await generator.close();
  await entrant.stop();
  return {
    tasksPerSec: RATE_PER_SEC,
    assignMsP50: trial.latencyMs.assign?.p50 ?? Number.NaN,
    assignMsP99: trial.latencyMs.assign?.p99 ?? Number.NaN,
    assignServiceMsP99: trial.serviceMs.assign?.p99 ?? Number.NaN,
    generatorCpuMsPerTask,
    scheduleLagMsP99: trial.generator.scheduleLagMsP99,
  };
}
