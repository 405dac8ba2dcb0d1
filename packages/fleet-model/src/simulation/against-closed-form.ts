/** The same fleet solved and simulated: the error of the closed form, and whether its rules said that it holds. */
import { AS_GIVEN } from "../closed-form/fleet-factors.ts";
import { fleetNetwork } from "../closed-form/fleet-network.ts";
import { hubDemand, hubInUse } from "../closed-form/hub-demand.ts";
import { solveFleet } from "../closed-form/solve-fleet.ts";
import type { FleetInput } from "../decision/fleet-decision.ts";
import { holdsFor } from "../decision/holds-for.ts";
import type { Estimate } from "../decision/hub-evidence.ts";
import type { WorkMix } from "../work-mix.ts";
import { simulateFleet } from "./simulate-fleet.ts";

export interface FormAgainstSimulation {
  solvedTasksPerHour: number;
  simulated: Estimate;
  /** Solved over simulated, less 1. */
  error: number;
  holds: { ok: boolean; reasons: string[] };
  events: number;
  tasks: number;
}

export interface SimulationEffort {
  seed: number;
  /** Tasks to see in one run. */
  tasks: number;
  /** A run whose interval leaves the error open is made this many times longer, at most. */
  lengthen: number;
  /** Saves the simulation where the rules say that the closed form does not hold; its interval is then empty. */
  onlyWhereItHolds?: boolean;
}

const MS_PER_HOUR = 3_600_000;
const SETTLE_SHARE = 0.15;

export function formAgainstSimulation(input: FleetInput, mix: WorkMix, effort: SimulationEffort): FormAgainstSimulation {
  const solvedPerMs = solveFleet(fleetNetwork(input)).tasksPerMs;
  const hub = hubDemand(hubInUse(input), input, AS_GIVEN);
  const holds = holdsFor(input);
  const run = (times: number) => {
    const measureMs = (effort.tasks * times) / solvedPerMs;
    const { framesPerSec } = input.work;
    return simulateFleet({
      fleet: input.fleet,
      mix,
      hub,
      framesPerSec,
      seed: effort.seed,
      settleMs: measureMs * SETTLE_SHARE,
      measureMs,
    });
  };
  const solvedTasksPerHour = solvedPerMs * MS_PER_HOUR;
  if (effort.onlyWhereItHolds && !holds.ok) {
    const none: Estimate = { value: Number.NaN, low: Number.NaN, high: Number.NaN, n: 0, unit: "tasks/h" };
    return { solvedTasksPerHour, simulated: none, error: Number.NaN, holds, events: 0, tasks: 0 };
  }
  let simulated = run(1);
  let events = simulated.events;
  for (let times = LONGER; times <= effort.lengthen && isOpen(solvedTasksPerHour, simulated.tasksPerHour); times *= LONGER) {
    simulated = run(times);
    events += simulated.events;
  }
  return {
    solvedTasksPerHour,
    simulated: simulated.tasksPerHour,
    error: solvedTasksPerHour / simulated.tasksPerHour.value - 1,
    holds,
    events,
    tasks: simulated.tasks,
  };
}

const LONGER = 4;
/** Error and half of the interval together: from here on a longer run could show an error that matters. */
const CLOSE_ENOUGH = 0.045;
/** An interval this narrow on each side would not be narrower for a better answer. */
const NARROW = 0.01;

function isOpen(solved: number, { value, low, high }: Estimate): boolean {
  const half = (high - low) / 2 / value;
  return half > NARROW && Math.abs(solved / value - 1) + half > CLOSE_ENOUGH;
}
