/** Load that is not measured, until a task costs the same from slice to slice: code gets compiled, connections are opened. */
import { LEAST_STEADY, steadyFrom } from "../measure/change-point.ts";
import { MAX_OWED } from "../measure/trial-judgement.ts";
import type { WarmUp } from "../results/compare-result.ts";
import type { LoadGenerator, MeasuredHub } from "./contender.ts";

export interface WarmUpPlan {
  sliceMs: number;
  /** So many slices must agree. */
  leastSteady: number;
  /** For each hub node: a slow fall is not to be seen in the noise of a few slices. */
  leastTasks: number;
  /** A hub that is not steady by then is measured all the same, and said not to have been. */
  mostSlices: number;
}

export interface WarmUpOptions {
  mostInFlight: number;
  seed: number;
  plan: WarmUpPlan;
  /** Waits; injected so that tests need not. */
  sleep(ms: number): Promise<void>;
}

/** Seconds that a capacity with a wide interval can spare. */
export const SHORT_WARM_UP: WarmUpPlan = { sliceMs: 250, leastSteady: LEAST_STEADY, leastTasks: 0, mostSlices: 8 };
/** V8 optimises the last of a hub's functions after some thousand tasks; until then a task costs up to twice as much. */
export const THOROUGH_WARM_UP: WarmUpPlan = { sliceMs: 500, leastSteady: 8, leastTasks: 3_000, mostSlices: 20 };

/** The first slices tell how many are fit. */
const FIRST_IN_FLIGHT = 2;
const GROWTH = 4;
/** Below this a hub is slow, and its slices are coarse. */
const LEAST_TASKS_PER_SEC = 80;
/** Of a core, and more in flight would only wait. */
const FULL_SHARE = 0.7;
/** By then the code of a hub is compiled, however few tasks it has done. */
const COMPILED_AFTER_CPU_S = 2;
/** Of a hub whose CPU is not known. */
const BLIND_SLICES = 4;
/** A hub that has not ended a slice's few tasks by then has lost some: each further slice would wait as long for its own. */
const HOPELESS_DRAIN_MS = 10_000;
const PAID_WITHIN_MS = 10_000;
const LOOK_MS = 100;

/**
 * `mostInFlight` tasks at a time, or as many as a slow hub keeps up with: each slice ends with its last task, and a hub of ten tasks
 * a second would be at work on a full batch for seconds.
 */
export async function warmUp(
  generator: Pick<LoadGenerator, "probe">,
  hub: Pick<MeasuredHub, "cpuSecondsByRole" | "lookInside" | "machines">,
  { mostInFlight, seed, plan, sleep }: WarmUpOptions,
): Promise<WarmUp> {
  const cpuMsPerTask: number[] = [];
  const isBlind = Object.keys(await hub.cpuSecondsByRole()).length === 0;
  let inFlight = Math.min(FIRST_IN_FLIGHT, mostInFlight);
  let isSettled = false;
  const atFirst = total(await hub.cpuSecondsByRole());
  let done = 0;
  let leastDrainMs = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < (isBlind ? BLIND_SLICES : plan.mostSlices); slice++) {
    const before = total(await hub.cpuSecondsByRole());
    const { paid, drainMs: lastTaskMs } = await generator.probe(inFlight, plan.sliceMs, seed + slice);
    if (lastTaskMs >= HOPELESS_DRAIN_MS) break;
    done += paid;
    const drainMs = lastTaskMs + (await untilPaid(hub, sleep));
    // What a task's own work takes shows in the first drain, of a few.
    leastDrainMs = Math.min(leastDrainMs, drainMs);
    const keepsUp = drainMs <= Math.max(plan.sliceMs, 2 * leastDrainMs);
    // A slice of a slow hub has too few tasks to tell what one costs.
    const isCoarse = paid < (LEAST_TASKS_PER_SEC * plan.sliceMs) / 1000;
    const cpuSeconds = total(await hub.cpuSecondsByRole()) - before;
    const isFull = isCoarse && cpuSeconds >= (FULL_SHARE * plan.sliceMs) / 1000;
    if (!isSettled && !(keepsUp && (isFull || inFlight === mostInFlight))) {
      isSettled = !keepsUp;
      inFlight = keepsUp ? Math.min(mostInFlight, inFlight * GROWTH) : Math.max(1, Math.floor(inFlight / GROWTH));
      continue;
    }
    isSettled = true;
    if (isBlind || paid === 0) continue;
    cpuMsPerTask.push((cpuSeconds * 1000) / paid);
    const isSeasoned = done >= plan.leastTasks * hub.machines.hubNodes;
    if (isSeasoned && steadyFrom(cpuMsPerTask, plan.leastSteady) !== null) break;
    if (isCoarse && total(await hub.cpuSecondsByRole()) - atFirst >= COMPILED_AFTER_CPU_S) break;
  }
  // A hub that was stopped early for its slowness has fewer slices, and may be steady over them.
  const least = Math.min(plan.leastSteady, Math.max(LEAST_STEADY, cpuMsPerTask.length));
  return { cpuMsPerTask, sliceMs: plan.sliceMs, steadyFrom: steadyFrom(cpuMsPerTask, least), inFlight };
}

/** Milliseconds until the hub has done what it put off for the slice: another slice on top of it would leave a heap of debt. */
async function untilPaid(hub: Pick<MeasuredHub, "lookInside">, sleep: WarmUpOptions["sleep"]): Promise<number> {
  for (let waitedMs = 0; waitedMs < PAID_WITHIN_MS; waitedMs += LOOK_MS) {
    const { owed } = await hub.lookInside();
    if (owed <= MAX_OWED) return waitedMs;
    await sleep(LOOK_MS);
  }
  return PAID_WITHIN_MS;
}

function total(byRole: Record<string, number>): number {
  return Object.values(byRole).reduce((sum, seconds) => sum + seconds, 0);
}
