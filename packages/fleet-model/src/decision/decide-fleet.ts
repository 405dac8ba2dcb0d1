/** The decision for a fleet: what binds, what binds next, what one more of anything is worth, and what to do. */
import { FACTOR_RANGES } from "../closed-form/fleet-factors.ts";
import { hubInUse } from "../closed-form/hub-demand.ts";
import { bestSingle, changesOf, machineCost } from "./changes.ts";
import { FigureEstimates } from "./figures.ts";
import type { Binding, FleetDecision, FleetInput, MarginalValue, StationUse, Wall } from "./fleet-decision.ts";
import { holdsFor } from "./holds-for.ts";
import type { Estimate, HubMeasure } from "./hub-evidence.ts";
import { fleetVerdict, flipsOf, rounded } from "./fleet-verdict.ts";
import { stationUses } from "./station-uses.ts";
import { type WallValue, wallValues } from "./walls.ts";

/**
 * Pure, closed form: a few milliseconds without draws, so that a slider can call it; with draws that many times as long. Throws for
 * names (GPU types, models, tiers, sites, hubs) that the data do not have.
 */
export function decideFleet(input: FleetInput): FleetDecision {
  const changes = changesOf(input);
  const figures = new FigureEstimates(input, changes);
  const estimate = (name: string, unit: string) => figures.estimate(name, unit) ?? nothing(unit);
  const { walls: values, agents } = wallValues(input);
  const wallOf = ({ factor, ...wall }: WallValue): Wall => ({
    ...wall,
    busyAgents: factor === null ? null : estimate(`wall ${wall.id} agents`, "agents"),
    tasksPerHour: factor === null ? null : estimate(`wall ${wall.id} tasks`, "tasks/h"),
  });
  const walls = values.map(wallOf);
  const stations = stationUses(input);
  const tasksPerHour = estimate("tasksPerHour", "tasks/h");
  const costPerMonth = monthlyCost(input);
  const now = {
    agents,
    tasksPerHour,
    taskSeconds: estimate("taskSeconds", "s"),
    slowdown: estimate("slowdown", "×"),
    costPerMonth,
    costPer1000Tasks: costPerMonth === null ? null : costPerMonth / ((tasksPerHour.value * HOURS_PER_MONTH) / 1_000),
    stations,
  };
  const marginal: MarginalValue[] = changes.map(({ id, change, costPerMonth: cost, note }) => ({
    id,
    change,
    tasksPerHour: estimate(`change ${id}`, "tasks/h"),
    costPerMonth: cost,
    tasksPerHourPer1000: figures.estimate(`change ${id} per 1000`, `tasks/h per 1000 ${input.prices.currency}/month`),
    note,
  }));
  const distributeAt =
    figures.value("distribute agents") === undefined
      ? null
      : { busyAgents: estimate("distribute agents", "agents"), tasksPerHour: estimate("distribute tasks", "tasks/h") };
  const bindsNow = bindingNow(stations, agents);
  const bindsNext = bindingNext(walls, agents);
  const parts = { input, now, bindsNow, bindsNext, marginal, distributeAt, walls };
  return {
    verdict: fleetVerdict(parts),
    now,
    walls,
    bindsNow,
    bindsNext,
    marginal,
    flipsWhen: flipsOf(parts),
    availability: input.hub.hubs.map(availabilityOf),
    holds: holdsFor(input),
    evidence: evidenceOf(input),
    assumptions: assumptionsOf(input),
  };
}

const HOURS_PER_MONTH = 730;

const nothing = (unit: string): Estimate => ({ value: 0, low: 0, high: 0, n: 0, unit });

/** From here on a station holds back those who use it. */
const BINDS_AT = 0.85;

function bindingNow(stations: readonly StationUse[], agents: number): Binding {
  const busiest = stations[0];
  if (busiest && busiest.utilisation >= BINDS_AT) {
    return { name: busiest.name, sentence: `${busiest.name} is busy ${percent(busiest.utilisation)} of the time` };
  }
  const next = busiest ? `; the busiest is ${busiest.name} with ${percent(busiest.utilisation)}` : "";
  return { name: "agents", sentence: `the ${agents} agents themselves: nothing that they share is full${next}` };
}

const percent = (share: number) => `${Math.round(share * 100)} %`;

/** Of what agents meet; a limit that concerns each agent alone, or that can be switched off, is a wall but binds no fleet. */
const NOT_A_LOAD = /^(rate-limiter|vram)/;

function bindingNext(walls: readonly Wall[], agents: number): Binding | null {
  const next = walls.find(({ id, busyAgents }) => busyAgents !== null && busyAgents.value > agents && !NOT_A_LOAD.test(id));
  return next?.busyAgents ? { name: next.name, sentence: `${next.name} at ${rounded(next.busyAgents)} agents` } : null;
}

function monthlyCost({ fleet, prices, hub, hubId }: FleetInput): number | null {
  let sum = 0;
  for (const kind of fleet.hosts) {
    const cost = machineCost(kind, prices);
    if (cost === null) return null;
    sum += kind.count * cost;
  }
  const used = hub.hubs.find(({ id }) => id === hubId);
  if (!prices.hubNode || !used) return null;
  return sum + (used.nodes + used.backboneServers) * prices.hubNode.perMonth;
}

function availabilityOf(hub: HubMeasure): FleetDecision["availability"][number] {
  const { availability } = hub;
  return {
    hubId: hub.id,
    measured: availability,
    sentence: availability
      ? `${hub.id}: after the end of a node ${rounded(availability.recoverySeconds)} s until work goes on, ${rounded(availability.tasksDelayed)} tasks delayed`
      : `${hub.id}: recovery after a failure was not measured (bench faults does), so it has no part in the verdict`,
  };
}

function evidenceOf(input: FleetInput): string {
  const { source, from } = input.hub;
  const hub = hubInUse(input);
  const what = source === "measured" ? "measured in this run" : "a recorded measurement, not of this machine";
  const cores = `${hub.coresPerMachine} core${hub.coresPerMachine === 1 ? "" : "s"}`;
  return `hub ${hub.id}: ${what} (${from}), on ${cores}, taken as linear up to ${Math.min(1, input.hubCores)} core: a projection`;
}

function assumptionsOf(input: FleetInput): string[] {
  const ranges = Object.entries(FACTOR_RANGES).map(([name, { low, high, source }]) => `${name} × ${low} to ${high}: ${source}`);
  const prices = `prices of ${input.prices.dated} in ${input.prices.currency}: ${[...new Set(priceSources(input))].join("; ")}`;
  const single = bestSingle(input.hub.hubs);
  return [
    "agents are never idle: whoever ends a task gets the next",
    "an agent without a GPU of its own uses the endpoint of one other host, all in equal numbers",
    ...ranges,
    prices,
    ...(single ? [] : ["no single hub in the evidence: nothing can be said about repairing it"]),
  ];
}

function priceSources({ prices }: FleetInput): string[] {
  return [prices.machine, ...Object.values(prices.gpus), prices.hubNode, prices.uplinkMbit, prices.apiTier].flatMap(
    (price) => price?.source ?? [],
  );
}
