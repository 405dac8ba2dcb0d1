/** Load that is not measured, until a task costs the same from slice to slice: code gets compiled, connections are opened. */
import { steadyFrom } from "../measure/change-point.ts";
import type { WarmUp } from "../results/compare-result.ts";
import type { LoadGenerator, MeasuredHub } from "./contender.ts";

const SLICE_MS = 250;
/** A hub that is not steady by then is measured all the same, and said not to have been. */
const MOST_SLICES = 8;
/** The first slices tell how many are fit. */
const FIRST_IN_FLIGHT = 2;
const GROWTH = 4;
const LEAST_TASKS_PER_SLICE = 10;
const COMPILED_AFTER_CPU_S = 1;
/** Of a hub whose CPU is not known. */
const BLIND_SLICES = 4;
/** A hub that has not ended a slice's few tasks by then has lost some: each further slice would wait as long for its own. */
const HOPELESS_DRAIN_MS = 10_000;

/**
 * `mostInFlight` tasks at a time, or as many as a slow hub keeps up with: each slice ends with its last task, and a hub of ten tasks
 * a second would be at work on a full batch for seconds.
 */
export async function warmUp(
  generator: Pick<LoadGenerator, "probe">,
  hub: Pick<MeasuredHub, "cpuSecondsByRole">,
  { mostInFlight, seed }: { mostInFlight: number; seed: number },
): Promise<WarmUp> {
  const cpuMsPerTask: number[] = [];
  const isBlind = Object.keys(await hub.cpuSecondsByRole()).length === 0;
  let inFlight = Math.min(FIRST_IN_FLIGHT, mostInFlight);
  let isSettled = false;
  const atFirst = total(await hub.cpuSecondsByRole());
  let leastDrainMs = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < (isBlind ? BLIND_SLICES : MOST_SLICES); slice++) {
    const before = total(await hub.cpuSecondsByRole());
    const { paid, drainMs } = await generator.probe(inFlight, SLICE_MS, seed + slice);
    if (drainMs >= HOPELESS_DRAIN_MS) break;
    // What a task's own work takes shows in the first drain, of a few.
    leastDrainMs = Math.min(leastDrainMs, drainMs);
    const keepsUp = drainMs <= Math.max(SLICE_MS, 2 * leastDrainMs);
    if (!isSettled && !(keepsUp && inFlight === mostInFlight)) {
      isSettled = !keepsUp;
      inFlight = keepsUp ? Math.min(mostInFlight, inFlight * GROWTH) : Math.max(1, Math.floor(inFlight / GROWTH));
      continue;
    }
    isSettled = true;
    if (isBlind || paid === 0) continue;
    cpuMsPerTask.push(((total(await hub.cpuSecondsByRole()) - before) * 1000) / paid);
    if (steadyFrom(cpuMsPerTask) !== null) break;
    // A slice of a slow hub has too few tasks to tell; by then its code is compiled all the same.
    const isCoarse = paid < LEAST_TASKS_PER_SLICE;
    if (isCoarse && total(await hub.cpuSecondsByRole()) - atFirst >= COMPILED_AFTER_CPU_S) break;
  }
  return { cpuMsPerTask, sliceMs: SLICE_MS, steadyFrom: steadyFrom(cpuMsPerTask) };
}

function total(byRole: Record<string, number>): number {
  return Object.values(byRole).reduce((sum, seconds) => sum + seconds, 0);
}
