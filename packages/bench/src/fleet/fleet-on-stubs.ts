/**
 * A fleet on real stubs over real HTTP, without a hub: every agent does one task after the other, as the simulation's do, with the same
 * plans. What differs is all that the simulation leaves out: sockets, JSON, timers, and this machine.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  type Estimate,
  type Fleet,
  type FleetInput,
  type FleetShape,
  gpuType,
  llmModel,
  NETWORK_PATHS,
  CLAUDE_TIERS,
  type ClaudeTier,
  claudeModel,
  ollamaSettings,
  agentsOf,
  fleetNetwork,
  inputOfRandomFleet,
  randomFleet,
  seededRandom,
  simulateFleet,
  solveFleet,
  type WorkMix,
} from "@hubscale/fleet-model";
import { type AssignedTask, systemClock } from "@hubscale/sidecar-sim";
import { TASK_NUMBER_FIELD } from "@hubscale/sidecar-sim/executors";
import { StagedFleet } from "../staged-fleet/staged-fleet.ts";

export interface OnStubsOptions {
  input: FleetInput;
  mix: WorkMix;
  seed: number;
  timeScale: number;
  /** Of the fleet's time, before counting and while counting. */
  settleMs: number;
  measureMs: number;
}

export interface OnStubs {
  tasks: number;
  tasksPerHour: number;
  simulated: Estimate;
  /** Simulated over stubs, less 1. */
  error: number;
  /** How late this program's event loop was, in the fleet's time: what each step of a task may have taken longer. */
  lateMsP90: number;
}

const MS_PER_HOUR = 3_600_000;

export async function fleetOnStubs(options: OnStubsOptions): Promise<OnStubs> {
  const { input, mix, seed, timeScale, settleMs, measureMs } = options;
  const fleet = fleetOf(input.fleet);
  const models = fleet.sites.flatMap(({ hosts }) => hosts.flatMap(({ gpu }) => (gpu ? [gpu.model.name] : [])));
  const staged = await StagedFleet.start({
    fleet,
    mix,
    seed,
    clock: systemClock,
    timeScale,
    hubWsUrls: ["ws://127.0.0.1:1/ws"],
    claude: undefined,
  });
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  try {
    const places = Array.from({ length: staged.agents }, (_, agent) => staged.workplaceOf(agent));
    const endpoints = staged.endpointUrls.map((url, index) => ({ url, model: models[index] ?? "" }));
    // One each: a signal with many listeners makes Node suspect a leak.
    const stops = places.map(() => new AbortController());
    delay.enable();
    let number = 0;
    let tasks = 0;
    let guests = 0;
    const fromMs = staged.elapsedMs + settleMs;
    const untilMs = fromMs + measureMs;
    const loops = places.map(async ({ executor, ollamaUrl }, agent) => {
      const signal = (stops[agent] as AbortController).signal;
      const own = endpoints.find(({ url }) => url === ollamaUrl);
      const endpoint = own ?? endpoints[guests++ % Math.max(1, endpoints.length)];
      while (!signal.aborted) {
        const task = taskOf(number++, endpoint);
        await executor?.run(task, { signal, onProgress: () => undefined });
        const nowMs = staged.elapsedMs;
        if (nowMs >= untilMs) return;
        if (nowMs >= fromMs) tasks++;
      }
    });
    const late = new Promise<void>((resolve) => {
      systemClock.after((settleMs + measureMs) / timeScale, resolve);
    });
    await Promise.race([late, Promise.all(loops)]);
    for (const stop of stops) stop.abort();
    // An aborted request ends its task with a failure or a rejection, which is what was asked for.
    await Promise.allSettled(loops);
    delay.disable();
    const lateMsP90 = Math.max(0, delay.percentile(90) / 1e6 - DELAY_RESOLUTION_MS) * timeScale;
    const tasksPerHour = (tasks / measureMs) * MS_PER_HOUR;
    const simulated = simulateFleet({
      fleet: input.fleet,
      mix,
      hub: { taskMs: 1e-3, frameMs: 0, latencyMs: 0 },
      framesPerSec: 0,
      seed,
      settleMs,
      measureMs: measureMs * LONGER,
    }).tasksPerHour;
    return { tasks, tasksPerHour, simulated, error: simulated.value / tasksPerHour - 1, lateMsP90 };
  } finally {
    await staged.close();
  }
}

const DELAY_RESOLUTION_MS = 5;

/** The simulation costs next to nothing, so its own interval need not blur the comparison. */
const LONGER = 10;

function taskOf(number: number, endpoint: { url: string; model: string } | undefined): AssignedTask {
  const routing = {
    // The plan's own tier.
    effective_tier: "unknown",
    target_type: "ollama",
    selected_endpoint: endpoint ? new URL(endpoint.url).host : null,
    selected_model: endpoint?.model ?? null,
    fallback_used: false,
    fallback_reason: null,
    classification_reason: "",
    estimated_cost_tier: "local",
  } as const;
  return {
    taskId: `task-${number}`,
    generation: 1,
    assignment: { metadata: { [TASK_NUMBER_FIELD]: number }, routing_decision: routing },
  };
}

/** The shape as a fleet file would have given it. */
function fleetOf({ name, sites, hosts, api }: FleetShape): Fleet {
  const model = claudeModel(api.model);
  if (!model) throw new Error(`no model '${api.model}'`);
  const hostOf = (kind: FleetShape["hosts"][number], index: number): Fleet["sites"][number]["hosts"][number] => {
    const type = kind.gpu && gpuType(kind.gpu.type);
    const llm = kind.gpu && llmModel(kind.gpu.model);
    const gpu =
      kind.gpu && type && llm
        ? {
            type,
            model: llm,
            settings: ollamaSettings({
              gpu: type,
              gpuCount: kind.gpu.cards,
              numParallel: kind.gpu.numParallel,
              contextTokens: kind.gpu.contextTokens,
              keepAliveMs: Number.POSITIVE_INFINITY,
            }),
          }
        : undefined;
    return { name: `${kind.name}-${index + 1}`, cores: kind.cores, ramBytes: kind.ramGb * 1e9, agents: kind.agents, gpu };
  };
  return {
    name,
    api: { tierName: api.tier, tier: CLAUDE_TIERS[api.tier] as ClaudeTier, model },
    sites: sites.map((site) => ({
      name: site.name,
      hub: "local",
      meshPath: NETWORK_PATHS[site.meshPath],
      uplink: {
        upBitsPerSec: site.upMbitPerSec * 1e6,
        downBitsPerSec: site.upMbitPerSec * 1e6,
        delayMs: site.delayMs,
        burstBytes: 32_000,
      },
      hosts: hosts
        .filter((kind) => kind.site === site.name)
        .flatMap((kind) => Array.from({ length: kind.count }, (_, index) => hostOf(kind, index))),
    })),
    prices: undefined,
  };
}

/** Random fleets that one small machine can bring to life in real time: one site, few agents, tasks of less than a minute or so. */
export function fleetsForStubs(count: number, seed: number): { number: number; input: FleetInput; mix: WorkMix }[] {
  const found: { number: number; input: FleetInput; mix: WorkMix }[] = [];
  for (let number = 0; found.length < count && number < MOST_TRIED; number++) {
    const random = randomFleet(seededRandom(seed, number));
    const agents = agentsOf(random.fleet);
    if (random.fleet.sites.length > 1 || agents < LEAST_AGENTS || agents > MOST_AGENTS) continue;
    const input = inputOfRandomFleet({ ...random, hubTaskMs: 1e-3 });
    const { tasksPerMs } = solveFleet(fleetNetwork(input));
    if (agents / tasksPerMs > LONGEST_TASK_MS) continue;
    found.push({ number, input, mix: random.mix });
  }
  return found;
}

const MOST_TRIED = 10_000;
const LEAST_AGENTS = 4;
const MOST_AGENTS = 24;
const LONGEST_TASK_MS = 60_000;
