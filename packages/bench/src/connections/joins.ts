/** What it costs when N agents join a hub, for several N: with one frame to every agent for every join it grows with N² (C5). */
import { setTimeout as sleep } from "node:timers/promises";
import { register, SidecarFleet, systemClock } from "@hubscale/sidecar-sim";
import { formatHubId, type HubSpec, type RunningHub, startHub } from "../drivers/index.ts";
import { readCpuSeconds } from "../machine/index.ts";
import { type Estimate, ratioEstimate, seededRandom } from "../measure/estimate.ts";
import { type Growth, growthOf } from "./growth.ts";
import type { ConnectionsRun } from "./idle-agents.ts";

export interface JoinsOptions extends ConnectionsRun {
  sizes: readonly number[];
  repeats: number;
}

export interface JoinsResult {
  hub: string;
  sizes: { agents: number; framesPerJoin: Estimate; cpuMicrosPerJoin: Estimate }[];
  /** Of all N joins together. Null: no frames at all at some size. */
  frames: Growth | null;
  cpu: Growth;
}

interface Join {
  agents: number;
  frames: number;
  cpuMicros: number;
}

const HUBS: readonly HubSpec[] = [
  { kind: "single", profile: "reference", fixes: [] },
  { kind: "single", profile: "reference", fixes: ["C5"] },
  { kind: "single", profile: "tuned", fixes: [] },
];

/** The agents are registered before, so that the cost of that (C9) is not in it. Hubs and sizes take turns. */
export async function measureJoins(options: JoinsOptions): Promise<JoinsResult[]> {
  const { care, sources, sizes, repeats, seed, at, tell } = options;
  const contenders: { hub: RunningHub; agents: { agentId: string; token: string }[]; joins: Join[] }[] = [];
  for (const spec of HUBS) {
    at(0, `starting ${formatHubId(spec)}`);
    const started = await startHub(spec, { care, sources, durability: "fsync", tell });
    if (!started.ok) throw new Error(`${formatHubId(spec)}: ${started.refusal.message}; ${started.refusal.nextStep}`);
    contenders.push({ hub: started.hub, agents: await registered(started.hub, Math.max(...sizes)), joins: [] });
  }
  // One round that is not counted: the compiler has then seen the code, and the heaps their sizes.
  for (let round = -1; round < repeats; round++) {
    for (const agents of sizes) {
      at((round + 1) / (repeats + 1), `${agents} agents join, round ${round + 2} of ${repeats + 1}`);
      for (const contender of contenders) {
        const join = await joinAll(contender.hub, contender.agents.slice(0, agents), seed);
        if (round >= 0) contender.joins.push(join);
      }
    }
  }
  for (const { hub } of contenders) await hub.stop();
  return contenders.map(({ hub, joins }) => resultOf(hub.id, joins, seed));
}

async function registered({ http }: RunningHub, count: number): Promise<{ agentId: string; token: string }[]> {
  const agentIds = Array.from({ length: count }, (_, n) => `joiner-${n}`);
  const done = await register({ httpUrls: http, agentIds, requestsInFlight: REGISTRATIONS_IN_FLIGHT, onWait: () => undefined });
  if (!done.ok) throw new Error(`the agents could not be registered: ${done.detail}`);
  return agentIds.map((agentId) => ({ agentId, token: done.tokens.get(agentId) as string }));
}

const REGISTRATIONS_IN_FLIGHT = 16;

async function joinAll(hub: RunningHub, agents: { agentId: string; token: string }[], seed: number): Promise<Join> {
  const pids = hub.roles.get("hub") ?? [];
  const fleet = new SidecarFleet({
    wsUrls: hub.ws,
    agents,
    behaviour: { workTime: { kind: "constant", ms: 0 }, progress: null, failure: { share: 0, as: "failed" }, outputChars: 0 },
    capabilities: ["code"],
    ollamaUrl: null,
    seed,
    timeScale: 1,
    clock: systemClock,
    onEvent: () => undefined,
  });
  const before = readCpuSeconds(pids);
  const connected = await fleet.connect(CONNECT_LIMIT_MS);
  if (!connected.ok)
    throw new Error(`${hub.id}: ${connected.identified} of ${agents.length} agents joined; ${connected.detail}`);
  await quiet(() => fleet.counters().framesIn);
  const cpuMicros = (readCpuSeconds(pids) - before) * 1e6;
  const frames = fleet.counters().presenceFrames;
  await fleet.close();
  await quiet(() => readCpuSeconds(pids));
  return { agents: agents.length, frames, cpuMicros };
}

const CONNECT_LIMIT_MS = 60_000;
/** Nothing for so long: over. Well above the window in which a digest gathers presence. */
const QUIET_MS = 250;

/** Resolves when what `look` sees has stopped growing. */
async function quiet(look: () => number): Promise<void> {
  for (
    let [before, now] = [Number.NaN, look()];
    now - before > QUIET_GROWTH || Number.isNaN(before);
    [before, now] = [now, look()]
  ) {
    await sleep(QUIET_MS);
  }
}

/** Frames are whole; an idle hub uses some hundred microseconds of CPU in the time. */
const QUIET_GROWTH = 0.005;

function resultOf(hub: string, joins: readonly Join[], seed: number): JoinsResult {
  const random = seededRandom(seed);
  const perJoin = (of: readonly Join[], key: "frames" | "cpuMicros", unit: string) =>
    ratioEstimate(
      of.map((join) => ({ numerator: join[key], denominator: join.agents })),
      unit,
      random,
    ) as Estimate;
  const growth = (key: "frames" | "cpuMicros", unit: string) =>
    growthOf(
      joins.map((join) => ({ size: join.agents, total: join[key] })),
      unit,
      random,
    );
  return {
    hub,
    sizes: [...new Set(joins.map(({ agents }) => agents))].map((agents) => {
      const of = joins.filter((join) => join.agents === agents);
      return {
        agents,
        framesPerJoin: perJoin(of, "frames", "frames"),
        cpuMicrosPerJoin: perJoin(of, "cpuMicros", "CPU-µs"),
      };
    }),
    frames: joins.every(({ frames }) => frames > 0) ? growth("frames", "frames") : null,
    cpu: growth("cpuMicros", "CPU-µs"),
  };
}
