/**
 * A fleet on a virtual clock: discrete events over the same rules that the stubs run (runner, host CPU, uplink, the API's limiter) and
 * the same tasks (task-walk.ts). Agents are never idle. Where the closed form takes means, this draws.
 */
import type { HubDemand } from "../closed-form/hub-demand.ts";
import type { FleetShape } from "../decision/fleet-shape.ts";
import type { Estimate } from "../decision/hub-evidence.ts";
import type { WorkMix } from "../work-mix.ts";
import { FleetRun } from "./fleet-run.ts";

export interface FleetSimulation {
  fleet: FleetShape;
  mix: WorkMix;
  hub: HubDemand;
  framesPerSec: number;
  seed: number;
  /** Before anything is counted. */
  settleMs: number;
  measureMs: number;
  /** Organisations that share the load at the API; 1 where nothing is said. */
  apiAccounts?: number;
  /** How often an agent asks again what the API refused for now, before its task fails; without end where nothing is said. */
  apiRetries?: number;
  /** Told of each task that has ended. True: the simulation is to end here. */
  onTask?: (task: EndedTask) => boolean;
}

/** `number` is the task's place in the order in which tasks were begun. */
export interface EndedTask {
  number: number;
  seconds: number;
  failed: boolean;
}

export interface SimulatedFleet {
  tasksPerHour: Estimate;
  taskSeconds: Estimate;
  tasks: number;
  events: number;
  /** Requests that the API refused for now. */
  refusals: number;
  utilisation: { name: string; share: number }[];
}

export function simulateFleet(simulation: FleetSimulation): SimulatedFleet {
  return new FleetRun(simulation).run();
}
