/** The closed form of a fleet beside its simulation: one fleet, or many drawn at random. */
import {
  type FleetInput,
  formAgainstSimulation,
  inputOfRandomFleet,
  randomFleet,
  rounded,
  seededRandom,
  simulateFleet,
  type WorkMix,
  whole,
} from "@hubscale/fleet-model";
import type { Table } from "../report/summary.ts";

/** A run long enough for an interval of a few percent, short enough to wait for. */
const TASKS = 20_000;
const LENGTHEN = 64;

export interface SimulatedRow {
  solvedTasksPerHour: number;
  simulated: { value: number; low: number; high: number; n: number; unit: string };
  error: number;
  events: number;
  wallSeconds: number;
}

export function simulateOne(input: FleetInput, mix: WorkMix, nowMs: () => number): SimulatedRow {
  const beganMs = nowMs();
  const { solvedTasksPerHour, simulated, error, events } = formAgainstSimulation(input, mix, {
    seed: input.uncertainty.seed,
    tasks: TASKS,
    lengthen: 1,
  });
  return { solvedTasksPerHour, simulated, error, events, wallSeconds: (nowMs() - beganMs) / 1_000 };
}

export function simulatedLines(row: SimulatedRow): string[] {
  return [
    `closed form   ${whole(row.solvedTasksPerHour)} tasks/h`,
    `simulated     ${rounded(row.simulated)} tasks/h (95 %, ${row.simulated.n} batches), ${whole(row.events)} events in ${row.wallSeconds.toFixed(1)} s`,
    `error         ${signedPercent(row.error)} of the closed form`,
  ];
}

const signedPercent = (share: number) => `${share < 0 ? "" : "+"}${(share * 100).toFixed(1)} %`;

export interface RandomFleetsResult {
  fleets: number;
  /** Of those where the closed form holds by its rules. */
  errors: { number: number; error: number; half: number }[];
  /** Reasons and how often each was given. */
  excluded: { reason: string; fleets: number }[];
  excludedCount: number;
  events: number;
  wallSeconds: number;
}

export function simulateRandomFleets(
  { fleets, seed, tasks }: { fleets: number; seed: number; tasks: number },
  { nowMs, at }: { nowMs: () => number; at: (done: number) => void },
): RandomFleetsResult {
  const beganMs = nowMs();
  const errors: RandomFleetsResult["errors"] = [];
  const reasons = new Map<string, number>();
  let excludedCount = 0;
  let events = 0;
  for (let number = 0; number < fleets; number++) {
    at(number);
    const random = randomFleet(seededRandom(seed, number));
    const effort = { seed: number, tasks, lengthen: LENGTHEN, onlyWhereItHolds: true };
    const { error, simulated, holds, events: more } = formAgainstSimulation(inputOfRandomFleet(random), random.mix, effort);
    events += more;
    if (!holds.ok) excludedCount++;
    // Without the names of hosts and the figures, which differ from fleet to fleet.
    for (const reason of holds.reasons) {
      const rule = reason.replaceAll(/\b(cpu|gpu|uplink) [\w-]+/g, "$1").replaceAll(/\d+ %/g, "… %");
      reasons.set(rule, (reasons.get(rule) ?? 0) + 1);
    }
    if (holds.ok) errors.push({ number, error, half: (simulated.high - simulated.low) / 2 / simulated.value });
  }
  const excluded = [...reasons].map(([reason, count]) => ({ reason, fleets: count })).toSorted((a, b) => b.fleets - a.fleets);
  return { fleets, errors, excluded, excludedCount, events, wallSeconds: (nowMs() - beganMs) / 1_000 };
}

/** Off by more than this, with all that the simulation leaves open on its side: the closed form does not hold. */
export const AGREEMENT = 0.05;

export function disagreeing({ errors }: RandomFleetsResult): RandomFleetsResult["errors"] {
  return errors.filter(({ error, half }) => Math.abs(error) - half > AGREEMENT);
}

export function randomFleetsTable(result: RandomFleetsResult): Table {
  const sorted = result.errors.map(({ error }) => Math.abs(error)).toSorted((a, b) => a - b);
  const quantile = (share: number) => `${((sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN) * 100).toFixed(2)} %`;
  const over = result.errors.filter(({ error }) => Math.abs(error) > AGREEMENT);
  const beyond = disagreeing(result);
  return {
    caption: "Closed form against simulation",
    head: ["fleets", "held by rule", "median error", "90 %", "95 %", "99 %", "largest"],
    rows: [
      [String(result.fleets), String(sorted.length), quantile(0.5), quantile(0.9), quantile(0.95), quantile(0.99), quantile(1)],
    ],
    notes: [
      `${over.length} off by more than ${AGREEMENT * 100} %, of these ${beyond.length} by more than the simulation's own 95 % interval explains${beyond.map(({ number, error, half }) => `; fleet ${number}: ${signedPercent(error)} ± ${(half * 100).toFixed(1)} %`).join("")}.`,
      `${result.excludedCount} left out by rule:`,
      ...result.excluded.map(({ reason, fleets }) => `  ${fleets} × ${reason}`),
      `${whole(result.events)} events in ${result.wallSeconds.toFixed(1)} s.`,
    ],
  };
}

export interface SimulationSpeed {
  agents: number;
  simulatedMinutes: number;
  events: number;
  tasks: number;
  wallSeconds: number;
  cpuSeconds: number;
}

/** The fleet at hand made as many times larger as gives `agents`, over an hour of simulated time. */
export function simulationSpeed(
  { input, mix, agents }: { input: FleetInput; mix: WorkMix; agents: number },
  { nowMs, cpuSeconds }: { nowMs: () => number; cpuSeconds: () => number },
): SimulationSpeed {
  const present = input.fleet.hosts.reduce((sum, host) => sum + host.count * host.agents, 0);
  const times = Math.max(1, Math.round(agents / present));
  const larger = (host: FleetInput["fleet"]["hosts"][number]) => ({ ...host, count: host.count * times });
  const wider = (site: FleetInput["fleet"]["sites"][number]) => ({ ...site, upMbitPerSec: site.upMbitPerSec * times });
  const fleet = { ...input.fleet, hosts: input.fleet.hosts.map(larger), sites: input.fleet.sites.map(wider) };
  // As many accounts at the API as fleets, or most agents would only ask and be refused; and a hub that bears all.
  const beganMs = nowMs();
  const beganCpu = cpuSeconds();
  const { events, tasks } = simulateFleet({
    fleet,
    apiAccounts: times,
    mix,
    hub: { taskMs: 0.01, frameMs: 0, latencyMs: 1 },
    framesPerSec: 0,
    seed: input.uncertainty.seed,
    settleMs: SETTLE_SHARE * HOUR_MS,
    measureMs: (1 - SETTLE_SHARE) * HOUR_MS,
  });
  return {
    agents: present * times,
    simulatedMinutes: 60,
    events,
    tasks,
    wallSeconds: (nowMs() - beganMs) / 1_000,
    cpuSeconds: cpuSeconds() - beganCpu,
  };
}

const HOUR_MS = 3_600_000;
/** Of the hour, before tasks are counted. */
const SETTLE_SHARE = 0.1;

export function speedLine({ agents, events, tasks, wallSeconds, cpuSeconds }: SimulationSpeed): string {
  return `${whole(agents)} agents, an hour of their time: ${whole(tasks)} tasks, ${whole(events)} events in ${wallSeconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU): ${whole(events / cpuSeconds)} events a CPU second`;
}
