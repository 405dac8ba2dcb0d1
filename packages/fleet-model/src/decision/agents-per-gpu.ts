/** How many agents one GPU machine carries: one queue before one endpoint, by NUM_PARALLEL, and where another agent stops paying. */
import { endpointOf } from "../closed-form/gpu-round.ts";
import { fleetNetwork } from "../closed-form/fleet-network.ts";
import { solveFleet } from "../closed-form/solve-fleet.ts";
import type { FleetInput } from "./fleet-decision.ts";
import type { GpuShape, HostKind } from "./fleet-shape.ts";

export interface AgentsPerGpu {
  host: string;
  model: string;
  numParallel: number;
  /** Of weights, KV cache of all slots and buffers, what is on the card; below 1 the CPU does the rest, many times slower. */
  onCard: number;
  /** Tasks an hour of the machine with 1, 2, 3, … agents. */
  tasksPerHour: number[];
  /** The first agent that brings less than a tenth of what the first one does; null: not among those tried. */
  stopsPayingAt: number | null;
}

export const PARALLEL_TRIED = [1, 2, 4, 8] as const;
const MOST_AGENTS = 24;
/** Of what the first agent does. */
export const PAYS_AT_LEAST = 0.1;
const MS_PER_HOUR = 3_600_000;

/** Each kind of GPU machine alone, doing standard tasks only: the API, the line and the hub are left out of it. */
export function agentsPerGpu(input: FleetInput): AgentsPerGpu[] {
  const work = { ...input.work, shares: { trivial: 0, standard: 1, complex: 0 } };
  return input.fleet.hosts.flatMap((host) => {
    const { gpu } = host;
    if (!gpu) return [];
    return PARALLEL_TRIED.map((numParallel) => rowOf({ ...input, work }, host, { ...gpu, numParallel }));
  });
}

function rowOf(input: FleetInput, host: HostKind, gpu: GpuShape): AgentsPerGpu {
  const tasksPerHour = Array.from({ length: MOST_AGENTS }, (_, index) => {
    const alone = { ...input.fleet, hosts: [{ ...host, count: 1, agents: index + 1, gpu }] };
    return solveFleet(fleetNetwork({ ...input, fleet: alone })).tasksPerMs * MS_PER_HOUR;
  });
  const first = tasksPerHour[0] ?? 0;
  const stops = tasksPerHour.findIndex(
    (rate, index) => index > 0 && rate - (tasksPerHour[index - 1] ?? 0) < PAYS_AT_LEAST * first,
  );
  return {
    host: host.name,
    model: gpu.model,
    numParallel: gpu.numParallel,
    onCard: endpointOf(gpu).placement.gpuShare,
    tasksPerHour,
    stopsPayingAt: stops < 0 ? null : stops + 1,
  };
}
