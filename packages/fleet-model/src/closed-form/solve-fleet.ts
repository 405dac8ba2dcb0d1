/**
 * The closed network of a fleet, solved by a fixed point: each host exactly for itself (host-network.ts), each station that several
 * hosts share as a machine repairman's shop (repairman.ts) whose customers' time away is the rest of their cycle. Decomposition with
 * the rest of the network as a delay: Lazowska 1984, ch. 9 (hierarchical models); where it does not hold: holds-for.ts.
 */
import { solveHost } from "./host-network.ts";
import { type AgentClass, type FleetNetwork, SOLVED_TOGETHER, type Station } from "./fleet-network.ts";
import { solveRepairman } from "./repairman.ts";

export interface FleetSolution {
  tasksPerMs: number;
  classes: ClassSolution[];
  /** By index of the network's stations. */
  utilisation: number[];
}

export interface ClassSolution {
  tasksPerMs: number;
  taskMs: number;
  cpuMs: number;
  gpuMs: number;
  /** By index of the network's stations: waiting and being served, per task. */
  stationMs: number[];
}

const MOST_ROUNDS = 300;
const GOOD_ENOUGH = 1e-5;
/** Of the way to the new value in each round: two full stations that see each other would swing without it. */
const STEP = 0.7;

export function solveFleet({ stations, classes }: FleetNetwork): FleetSolution {
  const solutions = classes.map((agents) => start(agents, stations));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    let moved = 0;
    for (const [index, station] of stations.entries())
      moved = Math.max(moved, settleStation({ station, index, classes, solutions }));
    for (const [which, agents] of classes.entries()) {
      moved = Math.max(moved, settleHost(agents, solutions[which] as ClassSolution));
    }
    if (moved < GOOD_ENOUGH) break;
  }
  const utilisation = stations.map(({ replicas, speed, places }, index) => {
    const work = classes.reduce(
      (sum, { demandMs }, which) => sum + (solutions[which]?.tasksPerMs ?? 0) * (demandMs[index] ?? 0),
      0,
    );
    return Math.min(1, work / replicas / speed(places));
  });
  return { tasksPerMs: solutions.reduce((sum, { tasksPerMs }) => sum + tasksPerMs, 0), classes: solutions, utilisation };
}

function start(agents: AgentClass, stations: readonly Station[]): ClassSolution {
  const stationMs = agents.demandMs.map((demandMs, index) => (stations[index]?.law === "fluid" ? 0 : demandMs));
  const taskMs = agents.awayMs + agents.cpuMs + agents.gpuMs + stationMs.reduce((sum, ms) => sum + ms, 0);
  return { tasksPerMs: agents.agents / taskMs, taskMs, cpuMs: agents.cpuMs, gpuMs: agents.gpuMs, stationMs };
}

interface AtStation {
  station: Station;
  index: number;
  classes: readonly AgentClass[];
  solutions: readonly ClassSolution[];
}

/** How far the times moved, relative to the cycle. */
function settleStation({ station, index, classes, solutions }: AtStation): number {
  let population = 0;
  let arrivals = 0;
  let work = 0;
  for (const [which, { agents, demandMs }] of classes.entries()) {
    const demand = demandMs[index] ?? 0;
    if (demand <= 0) continue;
    const { taskMs, stationMs } = solutions[which] as ClassSolution;
    const rate = agents / Math.max(taskMs - (stationMs[index] ?? 0), LEAST_MS);
    population += agents;
    arrivals += rate;
    work += rate * demand;
  }
  if (population === 0) return 0;
  const demandMs = work / arrivals;
  const thinkMs = population / arrivals;
  const here = population / station.replicas;
  const residenceMs =
    station.law === "fluid"
      ? Math.max(0, here * demandMs - thinkMs)
      : solveRepairman({ population: here, thinkMs, demandMs, speed: station.speed, places: station.places }).residenceMs;
  let moved = 0;
  for (const [which, { demandMs: demands }] of classes.entries()) {
    const demand = demands[index] ?? 0;
    if (demand <= 0) continue;
    const solution = solutions[which] as ClassSolution;
    const before = solution.stationMs[index] ?? 0;
    const after = before + STEP * ((residenceMs * demand) / demandMs - before);
    solution.stationMs[index] = after;
    solution.taskMs += after - before;
    moved = Math.max(moved, Math.abs(after - before) / solution.taskMs);
  }
  return moved;
}

const LEAST_MS = 1e-6;

function settleHost(agents: AgentClass, solution: ClassSolution): number {
  const elsewhereMs = agents.awayMs + solution.stationMs.reduce((sum, ms) => sum + ms, 0);
  const { host } = agents;
  const cores = (inHand: number) => Math.min(inHand, host.cores);
  const together = host.agents <= SOLVED_TOGETHER;
  const answer = together
    ? solveHost({
        agents: host.agents,
        elsewhereMs,
        cpu: { demandMs: agents.cpuMs, speed: cores },
        gpu: agents.gpuSpeed && agents.gpuMs > 0 ? { demandMs: agents.gpuMs, speed: agents.gpuSpeed } : null,
      })
    : crowd(agents, elsewhereMs, cores);
  const taskMs = elsewhereMs + answer.cpuMs + answer.gpuMs;
  const moved = Math.abs(taskMs - solution.taskMs) / taskMs;
  Object.assign(solution, { taskMs, cpuMs: answer.cpuMs, gpuMs: answer.gpuMs, tasksPerMs: agents.agents / taskMs });
  return moved;
}

/** Many agents on one host: the cores alone, since its GPU is then among the stations. */
function crowd(agents: AgentClass, elsewhereMs: number, cores: (inHand: number) => number) {
  const { host, cpuMs } = agents;
  if (cpuMs <= 0) return { cpuMs: 0, gpuMs: 0 };
  const shop = { population: host.agents, thinkMs: elsewhereMs, demandMs: cpuMs, speed: cores, places: Math.ceil(host.cores) };
  return { cpuMs: solveRepairman(shop).residenceMs, gpuMs: 0 };
}
