/**
 * Bounds without waiting: a resource is met where the load that agents make when nothing makes them wait equals what it can do
 * (asymptotic bounds and the utilisation law; Denning and Buzen 1978, Lazowska 1984, ch. 5). All agents grow in proportion.
 */
import type { AgentClass, FleetNetwork, Station } from "../closed-form/fleet-network.ts";
import type { StationKind } from "./fleet-decision.ts";

export interface Asymptote {
  name: string;
  kind: StationKind;
  /** The present agents times this meet the resource; infinite: they never do. */
  factor: number;
}

/** Tasks per millisecond of all agents if none ever waited. */
export function unhinderedPerMs({ stations, classes }: FleetNetwork): number {
  return classes.reduce((sum, agents) => sum + agents.agents / idleTaskMs(agents, stations), 0);
}

/** A limit of a rate takes no time while it is not met. */
export function idleTaskMs({ awayMs, cpuMs, gpuMs, demandMs }: AgentClass, stations: readonly Station[]): number {
  return awayMs + cpuMs + gpuMs + demandMs.reduce((sum, ms, index) => sum + (stations[index]?.law === "fluid" ? 0 : ms), 0);
}

export function asymptotesOf({ stations, classes }: FleetNetwork): Asymptote[] {
  const rates = classes.map((agents) => agents.agents / idleTaskMs(agents, stations));
  const factor = (capacity: number, load: number) => (load > 0 ? capacity / load : Number.POSITIVE_INFINITY);
  const shared = stations.map(({ name, kind, replicas, speed, places }, index) => {
    const load = classes.reduce((sum, { demandMs }, which) => sum + (rates[which] ?? 0) * (demandMs[index] ?? 0), 0);
    return { name, kind, factor: factor(replicas * speed(places), load) };
  });
  const own = classes.flatMap(({ host, agents, cpuMs, gpuMs, gpuSpeed, gpuPlaces }, which) => {
    // Of one agent, times those of one host: classes of one kind have different endpoints, and nearly the same load on the cores.
    const load = ((rates[which] ?? 0) / agents) * host.agents;
    const cpu: Asymptote = { name: `cpu ${host.name}`, kind: "cpu", factor: factor(host.cores, load * cpuMs) };
    if (!gpuSpeed) return [cpu];
    return [cpu, { name: `gpu ${host.name}`, kind: "gpu" as const, factor: factor(gpuSpeed(gpuPlaces), load * gpuMs) }];
  });
  const named = new Map<string, Asymptote>();
  for (const asymptote of [...shared, ...own]) {
    const known = named.get(asymptote.name);
    if (!known || asymptote.factor < known.factor) named.set(asymptote.name, asymptote);
  }
  return [...named.values()].sort((a, b) => a.factor - b.factor);
}
