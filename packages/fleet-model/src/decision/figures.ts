/** Every number of a decision for one set of factors, by name, so that drawing the factors gives each its interval. */
import { AS_GIVEN, drawFactors, type FleetFactors } from "../closed-form/fleet-factors.ts";
import { fleetNetwork } from "../closed-form/fleet-network.ts";
import { type FleetSolution, solveFleet } from "../closed-form/solve-fleet.ts";
import { seededRandom } from "../random.ts";
import { unhinderedPerMs } from "./asymptotes.ts";
import { bestSingle, type Change } from "./changes.ts";
import type { FleetInput } from "./fleet-decision.ts";
import { agentsOf } from "./fleet-shape.ts";
import type { Estimate } from "./hub-evidence.ts";
import { wallValues } from "./walls.ts";

const MS_PER_HOUR = 3_600_000;

export type Figures = Map<string, number>;

export function figuresOf(input: FleetInput, changes: readonly Change[], factors: FleetFactors = AS_GIVEN): Figures {
  const figures: Figures = new Map();
  const network = fleetNetwork(input, factors);
  const solution = solveFleet(network);
  const idlePerMs = unhinderedPerMs(network);
  const perHour = solution.tasksPerMs * MS_PER_HOUR;
  figures.set("tasksPerHour", perHour);
  figures.set("taskSeconds", meanTaskMs(solution) / 1_000);
  figures.set("slowdown", idlePerMs / solution.tasksPerMs);
  const { walls, agents, unhinderedPerHour } = wallValues(input, factors);
  for (const { id, factor } of walls) {
    if (factor === null) continue;
    figures.set(`wall ${id} agents`, factor * agents);
    figures.set(`wall ${id} tasks`, factor * unhinderedPerHour);
  }
  for (const change of changes) {
    const more = solveFleet(fleetNetwork(change.input, factors)).tasksPerMs * MS_PER_HOUR - perHour;
    figures.set(`change ${change.id}`, more);
    if (change.costPerMonth !== null && change.costPerMonth > 0) {
      figures.set(`change ${change.id} per 1000`, (more / (change.costPerMonth * factors.prices)) * 1_000);
    }
  }
  const single = bestSingle(input.hub.hubs);
  if (single) {
    const wall = wallValues({ ...input, hubId: single.id }, factors).walls.find(({ id }) => id === "hub");
    if (wall?.factor) {
      figures.set("distribute agents", wall.factor * agentsOf(input.fleet));
      figures.set("distribute tasks", wall.factor * unhinderedPerHour);
    }
  }
  return figures;
}

/** Little's law over all agents, who never rest. */
function meanTaskMs({ classes, tasksPerMs }: FleetSolution): number {
  return classes.reduce((sum, agents) => sum + agents.tasksPerMs * agents.taskMs, 0) / tasksPerMs;
}

/** Values as given, intervals from the draws: the middle 95 % of them. Without draws an interval has no width and says `n: 0`. */
export class FigureEstimates {
  private readonly given: Figures;
  private readonly drawn: Figures[];

  constructor(input: FleetInput, changes: readonly Change[]) {
    this.given = figuresOf(input, changes);
    const random = seededRandom(input.uncertainty.seed);
    this.drawn = Array.from({ length: input.uncertainty.draws }, () => figuresOf(input, changes, drawFactors(random)));
  }

  value(name: string): number | undefined {
    return this.given.get(name);
  }

  estimate(name: string, unit: string): Estimate | null {
    const value = this.given.get(name);
    if (value === undefined) return null;
    const sorted = this.drawn.flatMap((figures) => figures.get(name) ?? []).sort((a, b) => a - b);
    const n = sorted.length;
    if (n === 0) return { value, low: value, high: value, n, unit };
    const at = (share: number) => sorted[Math.round((n - 1) * share)] as number;
    return { value, low: Math.min(value, at(0.025)), high: Math.max(value, at(0.975)), n, unit };
  }
}
