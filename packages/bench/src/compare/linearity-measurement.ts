/** The same hub under several quotas, in turn, at a load in proportion to the quota. */
import { seededRandom } from "../measure/estimate.ts";
import { linearityOf } from "../measure/linearity.ts";
import type { Slo } from "../measure/slo.ts";
import type { Linearity } from "../results/compare-result.ts";
import type { ReadyEntrant } from "./entrant.ts";

export interface LinearitySetting {
  quotas: readonly number[];
  rounds: number;
  trialMs: number;
  slo: Slo;
  seed: number;
  /** CPU-ms of the hub for a task, roughly; the load is chosen so that it uses less than half of the quota. */
  cpuMsPerTask: number;
  machines: number;
  tell(doing: string): void;
  settle(): Promise<unknown>;
}

/** The quota is left at the last of them. Rejects when nothing was completed under a quota. */
export async function measureLinearity(entrant: ReadyEntrant, setting: LinearitySetting): Promise<Linearity> {
  const { quotas, rounds, trialMs, slo, seed, cpuMsPerTask, machines, tell } = setting;
  const { hub, generator } = entrant;
  const observations: { cores: number; cpuMsPerTask: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const cores of quotas) {
      const load = Math.max(1, (UTILISATION * cores * machines * 1000) / cpuMsPerTask);
      tell(`${hub.id}: ${cores} of a core, ${Math.round(load)} tasks/s`);
      entrant.applyQuotas(cores);
      const before = total(await hub.cpuSecondsByRole());
      const trial = await generator.trial({
        load,
        durationMs: trialMs,
        warmupMs: trialMs / 4,
        drainLimitMs: DRAIN_LIMIT_MS,
        seed: seed + round,
        // The latency is not what is asked for, and must not end a trial.
        slo: { ...slo, boundMs: DRAIN_LIMIT_MS },
      });
      await setting.settle();
      if (trial.completed === 0) throw new Error(`${hub.id} completed nothing with ${cores} of a core`);
      observations.push({ cores, cpuMsPerTask: ((total(await hub.cpuSecondsByRole()) - before) * 1000) / trial.completed });
    }
  }
  return linearityOf(observations, seededRandom(seed));
}

/** Of the quota: low enough for every hub to keep up, high enough that heartbeats are a small part of it. */
const UTILISATION = 0.4;
const DRAIN_LIMIT_MS = 15_000;

function total(byRole: Record<string, number>): number {
  return Object.values(byRole).reduce((sum, seconds) => sum + seconds, 0);
}
