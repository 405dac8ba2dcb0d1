/**
 * A fleet as a closed queueing network: classes of agents, stations that they queue at, and what one task asks of each (means).
 * Agents of a host share its cores and its GPU; a site its line; all of them the API's limits and the hub. An agent without a GPU is
 * given the endpoint of another host, the same for always, in equal numbers.
 */
import type { FleetInput } from "../decision/fleet-decision.ts";
import type { HostKind, SiteShape } from "../decision/fleet-shape.ts";
import type { StationKind } from "../decision/fleet-decision.ts";
import { fractionsOf } from "../decision/task-profile.ts";
import { NETWORK_PATHS, wireBytes } from "../network-path.ts";
import { apiDemand } from "./api-demand.ts";
import { AS_GIVEN, type FleetFactors } from "./fleet-factors.ts";
import { batchSpeeds, type Endpoint, endpointOf, foundShareOf, meanRound, roundsPerMs } from "./gpu-round.ts";
import { hubDemand, hubInUse } from "./hub-demand.ts";

export interface Station {
  name: string;
  kind: StationKind;
  /** Stations that are alike; agents are spread over them. */
  replicas: number;
  /** `fluid`: a rate that cannot be exceeded in the long run, with room for bursts, as a token bucket of a minute's worth. */
  law: "queue" | "fluid";
  speed: (inHand: number) => number;
  /** The speed grows up to here; infinite for a delay. */
  places: number;
}

export interface AgentClass {
  host: HostKind;
  /** In all hosts of the kind. */
  agents: number;
  /** Neither station nor host: tools that wait, the API's own time, the line's delay, the hub's latency. */
  awayMs: number;
  /** Per task, alone. */
  cpuMs: number;
  /** On its own GPU when nobody else uses that; else the GPU is among the stations. */
  gpuMs: number;
  gpuSpeed: ((inHand: number) => number) | null;
  gpuPlaces: number;
  /** By index of the station; 0: not used. */
  demandMs: number[];
}

export interface FleetNetwork {
  stations: Station[];
  classes: AgentClass[];
}

/** Bytes of a progress frame at the WebSocket (150 bytes of JSON and its header) before the network's own. */
const FRAME_BYTES = 158;

/** Several processors for tasks that use one each. */
const upTo = (places: number) => (inHand: number) => Math.min(inHand, places);

/**
 * `foundShare`: of the later requests to an endpoint with more conversations than slots, those that find their prompt still in a slot,
 * in place of the approximation; 0 and 1 bound what is possible.
 */
export function fleetNetwork(input: FleetInput, factors: FleetFactors = AS_GIVEN, foundShare?: number): FleetNetwork {
  const { fleet, work } = input;
  const stations: Station[] = [];
  const add = (station: Station) => stations.push(station) - 1;
  const shares = fractionsOf(work);
  const withGpu = fleet.hosts.filter(({ gpu, count }) => gpu && count > 0);
  const endpoints = withGpu.reduce((sum, { count }) => sum + count, 0);
  const guests = fleet.hosts.reduce((sum, { gpu, count, agents }) => sum + (gpu ? 0 : count * agents), 0);
  const guestsAt = spreadGuests(withGpu, guests);
  const api = apiDemand(fleet.api, work.complex, factors);
  // Without any endpoint the reference falls back to who can: the API, a step for each round.
  const toApi = endpoints === 0 ? shares.standard * work.standard.rounds : 0;
  const stepsPerTask = shares.complex * work.complex.steps + toApi;
  const fluid = (name: string, kind: StationKind) => add({ name, kind, replicas: 1, law: "fluid", speed: () => 1, places: 1 });
  const single = (name: string, kind: StationKind) => add({ name, kind, replicas: 1, law: "queue", speed: () => 1, places: 1 });

  const limits = [
    { at: fluid("API requests", "api"), stepMs: 60_000 / api.limits.requestsPerMin },
    { at: fluid("API input tokens", "api"), stepMs: (60_000 * api.uncachedTokens) / api.limits.inputTokensPerMin },
    { at: fluid("API output tokens", "api"), stepMs: (60_000 * api.outputTokens) / api.limits.outputTokensPerMin },
  ];
  const atOnce = Math.max(1, Math.floor(api.limits.outputTokensPerMin / api.reservedTokens));
  const reserved = add({
    name: "API answers at once",
    kind: "api",
    replicas: 1,
    law: "queue",
    speed: upTo(atOnce),
    places: atOnce,
  });
  const hubTask = hubDemand(hubInUse(input), input, factors);
  const hub = single("hub", "hub");
  const lines = new Map(fleet.sites.map((site) => [site.name, { site, at: single(`uplink ${site.name}`, "uplink") }]));

  const tools =
    shares.standard * toolsOf(work.standard, work.standard.rounds) + shares.complex * toolsOf(work.complex, work.complex.steps);
  const toolsCpu =
    shares.standard * work.standard.toolCpuShare * toolsOf(work.standard, work.standard.rounds) +
    shares.complex * work.complex.toolCpuShare * toolsOf(work.complex, work.complex.steps);
  const shellSec = work.trivial.cpuSec + work.trivial.waitSec;
  const awayFromGpuMs =
    (shares.trivial * shellSec + tools * factors.toolTime) * 1_000 + stepsPerTask * api.stepMs + hubTask.latencyMs;
  const awayMs = awayFromGpuMs / (shares.standard * work.standard.rounds);
  const rounds = new Map(
    withGpu.map((host) => [
      host,
      gpuUse(host, { input, factors, guests: (guestsAt.get(host) ?? 0) / host.count, awayMs, foundShare }),
    ]),
  );
  const shared = new Map(
    withGpu.flatMap((host) => {
      const use = rounds.get(host) as GpuUse;
      if (guests === 0 && host.agents <= SOLVED_TOGETHER) return [];
      const { places } = use;
      return [
        [host, add({ name: `gpu ${host.name}`, kind: "gpu", replicas: host.count, law: "queue", speed: use.speed, places })],
      ];
    }),
  );

  const classes: AgentClass[] = [];
  for (const host of fleet.hosts) {
    if (host.count * host.agents === 0) continue;
    const line = lines.get(host.site);
    if (!line) throw new Error(`host '${host.name}' is in no site '${host.site}'`);
    const homes = host.gpu
      ? [{ home: host, share: 1 }]
      : withGpu.map((home) => ({ home, share: (guestsAt.get(home) ?? 0) / guests }));
    for (const { home, share } of homes.length > 0 ? homes : [{ home: null, share: 1 }]) {
      const use = home ? (rounds.get(home) as GpuUse) : null;
      const demandMs = stations.map(() => 0);
      const streamMs = shares.standard * (use ? work.standard.rounds * use.decodeMs : 0) + stepsPerTask * api.streamMs;
      const frames = (streamMs / 1_000) * work.framesPerSec;
      for (const { at, stepMs } of limits) demandMs[at] = stepsPerTask * stepMs;
      demandMs[reserved] = stepsPerTask * api.stepMs;
      demandMs[hub] = hubTask.taskMs + frames * hubTask.frameMs;
      demandMs[line.at] = lineMs(line.site, stepsPerTask * api.upBytes, frames);
      const gpuAt = home ? shared.get(home) : undefined;
      const gpuMs = use ? shares.standard * work.standard.rounds * use.roundMs : 0;
      if (gpuAt !== undefined) demandMs[gpuAt] = gpuMs;
      classes.push({
        host,
        agents: host.count * host.agents * share,
        awayMs:
          shares.trivial * work.trivial.waitSec * 1_000 +
          (tools - toolsCpu) * 1_000 * factors.toolTime +
          stepsPerTask * 2 * line.site.delayMs +
          hubTask.latencyMs,
        cpuMs: (shares.trivial * work.trivial.cpuSec + toolsCpu * factors.toolTime) * 1_000,
        gpuMs: gpuAt === undefined ? gpuMs : 0,
        gpuSpeed: gpuAt === undefined && use ? use.speed : null,
        gpuPlaces: use?.places ?? 0,
        demandMs,
      });
    }
  }
  return { stations, classes };
}

/** Dealt out one by one to the endpoints in their order, as the simulation does. */
function spreadGuests(withGpu: readonly HostKind[], guests: number): Map<HostKind, number> {
  const endpoints = withGpu.reduce((sum, { count }) => sum + count, 0);
  const each = Math.floor(guests / endpoints);
  let left = guests - each * endpoints;
  return new Map(
    withGpu.map((host) => {
      const more = Math.min(left, host.count);
      left -= more;
      return [host, each * host.count + more];
    }),
  );
}

/** More agents on one host than this are solved station by station: by then the stations hardly feel each other. */
export const SOLVED_TOGETHER = 48;

interface GpuUse {
  endpoint: Endpoint;
  roundMs: number;
  decodeMs: number;
  /** The speed is known up to here, and constant from here on. */
  places: number;
  speed: (inHand: number) => number;
}

interface GpuQuestions {
  input: FleetInput;
  factors: FleetFactors;
  /** Agents of other hosts on this one's endpoint. */
  guests: number;
  /** Between two rounds of an agent, the other tasks that it does included, when nothing makes it wait. */
  awayMs: number;
  foundShare: number | undefined;
}

function gpuUse(host: HostKind, { input: { work }, factors, guests, awayMs, foundShare }: GpuQuestions): GpuUse {
  if (!host.gpu) throw new Error(`host '${host.name}' has no GPU`);
  const endpoint = endpointOf(host.gpu);
  const agents = host.agents + guests;
  // With as many as slots, a new conversation may still take the slot of one that is away.
  const isRoomy = agents < endpoint.placement.slots;
  const found = isRoomy ? 1 : (foundShare ?? foundShareOf(work.standard, endpoint, { agents, awayMs, factors }));
  const round = meanRound(work.standard, endpoint, found, factors);
  const speeds = batchSpeeds(endpoint, round, factors);
  const { prefillTokensPerSec } = endpoint.placement;
  const roundMs = 1 / roundsPerMs(endpoint, round, 1, factors);
  const prefillMs = (round.newTokens / prefillTokensPerSec / factors.gpuSpeed) * 1_000;
  return {
    endpoint,
    roundMs,
    decodeMs: roundMs - prefillMs,
    places: speeds.length - 1,
    speed: (inHand) => speeds[Math.min(inHand, speeds.length - 1)] as number,
  };
}

const toolsOf = ({ toolSec }: { toolSec: number }, requests: number) => Math.max(0, requests - 1) * toolSec;

/** The request bodies of the API, and the frames to a hub that lies beyond the line. */
function lineMs(site: SiteShape, apiBytes: number, frames: number): number {
  const frameBytes = site.hub === "remote" ? frames * wireBytes(FRAME_BYTES, NETWORK_PATHS[site.meshPath]) : 0;
  return ((apiBytes + frameBytes) * 8) / (site.upMbitPerSec * 1_000);
}
