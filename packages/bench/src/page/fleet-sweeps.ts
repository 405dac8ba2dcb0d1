/** The fleet solved many times over: what a chart needs beside the one decision. */
import {
  agentsOf,
  decideFleet,
  type FleetInput,
  fleetNetwork,
  type HostKind,
  solveFleet,
  unhinderedPerMs,
} from "@hubscale/fleet-model";

export interface AgentsPoint {
  agents: number;
  tasksPerHour: number;
  /** If nobody waited for anything. */
  ideal: number;
  /** What holds them back; empty: nothing. */
  binds: string;
}

export interface HeatMap {
  /** Name of the kind of machine. */
  kind: string;
  unit: string;
  cells: { machines: number; agents: number; tasksPerHour: number; isNow: boolean }[];
}

const MS_PER_HOUR = 3_600_000;
const FACTORS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16];

export function tasksPerHourOf(input: FleetInput): number {
  return solveFleet(fleetNetwork(input)).tasksPerMs * MS_PER_HOUR;
}

/** Agents added to all machines in proportion, the machines as they are. */
export function agentsSweep(input: FleetInput): AgentsPoint[] {
  const points = new Map<number, AgentsPoint>();
  for (const factor of FACTORS) {
    const hosts = input.fleet.hosts.map((host) => ({ ...host, agents: Math.round(host.agents * factor) }));
    const scaled = { ...input, fleet: { ...input.fleet, hosts } };
    const agents = agentsOf(scaled.fleet);
    if (agents === 0 || points.has(agents)) continue;
    const ideal = unhinderedPerMs(fleetNetwork(scaled)) * MS_PER_HOUR;
    points.set(agents, { agents, tasksPerHour: tasksPerHourOf(scaled), ideal, binds: bindsIn(scaled) });
  }
  return [...points.values()];
}

function bindsIn(input: FleetInput): string {
  const { bindsNow } = decideFleet({ ...input, uncertainty: { draws: 0, seed: 1 } });
  return bindsNow.name === "agents" ? "" : bindsNow.name;
}

/** Machines of one kind against agents on each of them, the rest of the fleet as it is. */
export function heatMap(input: FleetInput, host: HostKind): HeatMap {
  const machines = around(host.count);
  const agents = around(host.agents).filter((count) => count > 0);
  const cells = machines.flatMap((count) =>
    agents.map((each) => {
      const hosts = input.fleet.hosts.map((kind) => (kind.name === host.name ? { ...host, count, agents: each } : kind));
      const isEmpty = hosts.every((kind) => kind.count * kind.agents === 0);
      return {
        machines: count,
        agents: each,
        tasksPerHour: isEmpty ? 0 : tasksPerHourOf({ ...input, fleet: { ...input.fleet, hosts } }),
        isNow: count === host.count && each === host.agents,
      };
    }),
  );
  return { kind: host.name, unit: "agents on each", cells };
}

const STEPS = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100, 150, 200, 300, 500, 1_000];
const SHOWN = 8;

/** The present number among about eight steps, smaller and larger. */
function around(present: number): number[] {
  const steps = [...new Set([...STEPS, present])].sort((a, b) => a - b);
  const at = steps.indexOf(present);
  const from = Math.max(0, Math.min(at - 3, steps.length - SHOWN));
  return steps.slice(from, from + SHOWN);
}
