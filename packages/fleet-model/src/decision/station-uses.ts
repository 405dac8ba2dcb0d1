/** How busy everything is that tasks queue for, the busiest first. */
import { fleetNetwork } from "../closed-form/fleet-network.ts";
import { solveFleet } from "../closed-form/solve-fleet.ts";
import type { FleetInput, StationUse } from "./fleet-decision.ts";

export function stationUses(input: FleetInput): StationUse[] {
  const network = fleetNetwork(input);
  const { classes, utilisation } = solveFleet(network);
  const shared = network.stations.map(({ name, kind, replicas }, index): StationUse & { used: boolean } => {
    const users = network.classes.flatMap(({ demandMs }, which) => ((demandMs[index] ?? 0) > 0 ? [classes[which]] : []));
    const tasks = users.reduce((sum, user) => sum + (user?.tasksPerMs ?? 0), 0);
    const waiting = users.reduce((sum, user) => sum + (user?.tasksPerMs ?? 0) * (user?.stationMs[index] ?? 0), 0);
    return {
      name,
      kind,
      utilisation: utilisation[index] ?? 0,
      secondsPerTask: tasks > 0 ? waiting / tasks / 1_000 : 0,
      used: users.length > 0 && replicas > 0,
    };
  });
  const own = network.classes.flatMap(({ host, cpuMs, gpuMs, gpuSpeed, gpuPlaces }, which) => {
    const solution = classes[which];
    if (!solution) return [];
    const perHost = (host.agents / solution.taskMs) as number;
    const cpu = { name: `cpu ${host.name}`, kind: "cpu" as const, utilisation: Math.min(1, (perHost * cpuMs) / host.cores) };
    const cpuUse: StationUse = { ...cpu, secondsPerTask: solution.cpuMs / 1_000 };
    if (!gpuSpeed || gpuMs <= 0) return [cpuUse];
    const gpu = {
      name: `gpu ${host.name}`,
      kind: "gpu" as const,
      utilisation: Math.min(1, (perHost * gpuMs) / gpuSpeed(gpuPlaces)),
    };
    return [cpuUse, { ...gpu, secondsPerTask: solution.gpuMs / 1_000 }];
  });
  const byName = new Map<string, StationUse>();
  for (const { used, ...use } of shared) if (used) byName.set(use.name, use);
  for (const use of own) if ((byName.get(use.name)?.utilisation ?? -1) < use.utilisation) byName.set(use.name, use);
  return [...byName.values()].toSorted((a, b) => b.utilisation - a.utilisation);
}
