/** Measures all cases at once: each GPU is a stub of its own, and most of the time all of them wait. */
import { setMaxListeners } from "node:events";
import type { Clock } from "@hubscale/sidecar-sim";
import { seededRandom } from "../measure/estimate.ts";
import { type CountedAnswer, runGpu } from "./gpu-agents.ts";
import { compareGpu, type GpuComparison } from "./gpu-comparison.ts";
import { type GpuCase, type GpuSetting, solveCase } from "./gpu-setting.ts";

export interface GpuTableRun {
  setting: GpuSetting;
  cases: readonly GpuCase[];
  /** Of each case, over all its GPUs. */
  answers: number;
  timeScale: number;
  seed: number;
  clock: Clock;
  signal: AbortSignal;
  at(share: number, doing: string): void;
}

/** So that no case takes much longer than this, slow ones run on several GPUs side by side. */
const AIM_SEC = 75;

export async function measureGpuTable(run: GpuTableRun): Promise<GpuComparison[]> {
  const { setting, cases, answers, timeScale, seed, clock, signal } = run;
  let done = 0;
  const all = cases.length * answers;
  const onAnswer = () => {
    done++;
    if (done % 100 === 0) run.at(done / all, `${done} of ${all} answers`);
  };
  // The first that fails ends the others.
  const failed = new AbortController();
  const ending = AbortSignal.any([signal, failed.signal]);
  // Every agent listens while it thinks.
  setMaxListeners(0, ending);
  const measured = await Promise.all(
    cases.map(async (of, index) => {
      const gpus = gpusFor(run, of);
      const runs = await Promise.all(
        Array.from({ length: gpus }, (_, gpu): Promise<CountedAnswer[]> => {
          const seedOfGpu = seed + index * 1_000 + gpu;
          return runGpu({
            setting,
            of,
            answers: Math.ceil(answers / gpus),
            timeScale,
            seed: seedOfGpu,
            clock,
            signal: ending,
            onAnswer,
          });
        }),
      ).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      });
      return { of, runs };
    }),
  );
  return measured.map(({ of, runs }, index) => compareGpu(setting, of, runs, seededRandom(seed, index)));
}

function gpusFor({ setting, answers, timeScale }: GpuTableRun, of: GpuCase): number {
  const { requestsPerSec } = solveCase(setting, of, setting.round);
  return Math.max(1, Math.ceil((1.1 * answers) / (requestsPerSec * timeScale * AIM_SEC)));
}
