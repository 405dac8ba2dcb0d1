/**
 * The simulation beside the stubs, on the same tasks: how long each task took there and here, as a ratio of sums with an interval from
 * batches of consecutive tasks. Agents are never idle, so tasks an hour are agents over the mean time of a task, in both alike
 * (J. D. C. Little 1961), and what a task asks for, which varies most, is the same on both sides.
 */
import { BATCHES, type Estimate, simulateFleet } from "@hubscale/fleet-model";
import type { StubFleet } from "./stub-fleets.ts";
import { TaskTimes } from "./task-times.ts";
import type { StubAgreement } from "./stub-fleets-schema.ts";

export type { StubAgreement };

/** Models load, agents begin one by one: so many tasks of each agent are not compared. */
const SETTLING_TASKS_EACH = 2;
/** As the official SDK (anthropic-sdk-typescript), whose rules the stubs' clients keep. */
const API_RETRIES = 2;
/** Student's t, 19 degrees of freedom, 97.5 %. */
const T_19 = 2.093;
const SECONDS_PER_HOUR = 3_600;

export function agreementOf(
  fleet: StubFleet,
  onStubs: TaskTimes,
  { seed, settleMs, timeScale, lateMs }: { seed: number; settleMs: number; timeScale: number; lateMs: number },
): StubAgreement {
  const first = SETTLING_TASKS_EACH * fleet.agents;
  const end = Math.max(first, onStubs.firstOpen);
  const simulated = simulatedTimes(fleet, end, { seed, settleMs });
  const there = onStubs.between(first, end);
  const here = simulated.between(first, end);
  const meanThere = meanOf(there);
  const failed = { stubs: onStubs.failedBetween(first, end), simulated: simulated.failedBetween(first, end) };
  const perHour = (seconds: number, failures: number) =>
    ((fleet.agents * SECONDS_PER_HOUR) / seconds) * (1 - failures / Math.max(1, there.length));
  return {
    fleet: fleet.number,
    agents: fleet.agents,
    tasks: there.length,
    failed,
    stubTasksPerHour: perHour(meanThere, failed.stubs),
    simulatedTasksPerHour: perHour(meanOf(here), failed.simulated),
    error: ratioLessOne(there, here),
    lateness: (fleet.waitsPerTask * lateMs * timeScale) / 1_000 / meanThere,
  };
}

function simulatedTimes(fleet: StubFleet, end: number, { seed, settleMs }: { seed: number; settleMs: number }): TaskTimes {
  const times = new TaskTimes();
  simulateFleet({
    fleet: fleet.input.fleet,
    mix: fleet.mix,
    hub: { taskMs: 1e-6, frameMs: 0, latencyMs: 0 },
    framesPerSec: 0,
    seed,
    settleMs,
    measureMs: Number.POSITIVE_INFINITY,
    apiRetries: API_RETRIES,
    onTask: (task) => {
      times.note(task);
      return times.firstOpen >= end;
    },
  });
  return times;
}

/**
 * Sum over sum, less 1. The interval is the ratio estimator's (W. G. Cochran, Sampling Techniques, ch. 6): from what the batches are off
 * the common ratio.
 */
export function ratioLessOne(above: readonly number[], below: readonly number[]): Estimate {
  const unit = "of the stubs";
  const ratio = sumOf(above) / sumOf(below);
  const size = Math.floor(above.length / BATCHES);
  const none = { value: ratio - 1, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, n: above.length, unit };
  if (size < 1) return none;
  const batches = Array.from({ length: BATCHES }, (_, batch) => {
    const to = batch === BATCHES - 1 ? above.length : (batch + 1) * size;
    return { above: sumOf(above.slice(batch * size, to)), below: sumOf(below.slice(batch * size, to)) };
  });
  const squares = batches.reduce((sum, batch) => sum + (batch.above - ratio * batch.below) ** 2, 0);
  const mean = sumOf(below) / BATCHES;
  const half = (T_19 * Math.sqrt(squares / (BATCHES - 1) / BATCHES)) / mean;
  return { ...none, low: ratio - 1 - half, high: ratio - 1 + half };
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const meanOf = (values: readonly number[]) => sumOf(values) / values.length;
