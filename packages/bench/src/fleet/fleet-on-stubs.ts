/**
 * Fleets on real stubs over real HTTP, without a hub: every agent does one task after the other, as the simulation's do, with the same
 * plans, begun at the same times. What differs is all that the simulation leaves out: sockets, JSON, timers, and this machine.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { startTimesMs } from "@hubscale/fleet-model";
import { type AssignedTask, systemClock } from "@hubscale/sidecar-sim";
import { TASK_NUMBER_FIELD } from "@hubscale/sidecar-sim/executors";
import { StagedFleet } from "../staged-fleet/staged-fleet.ts";
import { fleetOf, type StubFleet } from "./stub-fleets.ts";
import { TaskTimes } from "./task-times.ts";

export interface OnStubsOptions {
  seed: number;
  timeScale: number;
  /** Agents begin within the first half of this, of the fleet's time. */
  settleMs: number;
  /** Of real time, for all fleets at once. */
  realMs: number;
  signal?: AbortSignal;
}

export interface OnStubs {
  /** In the order of the fleets. */
  times: TaskTimes[];
  /** How late this program's timers ran, of real time, mean. */
  lateMs: number;
}

/** All fleets side by side in this program, since agents mostly wait. */
export async function fleetsOnStubs(fleets: readonly StubFleet[], options: OnStubsOptions): Promise<OnStubs> {
  const staged: StagedFleet[] = [];
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  try {
    for (const fleet of fleets) staged.push(await stage(fleet, options));
    // One for each agent: a signal with many listeners makes Node suspect a leak.
    const stops: AbortController[] = [];
    const newSignal = () => {
      const stop = new AbortController();
      stops.push(stop);
      return stop.signal;
    };
    delay.enable();
    const runs = fleets.map((fleet, index) => runAgents(staged[index] as StagedFleet, fleet, options, newSignal));
    const finish = () => {
      for (const stop of stops) stop.abort(new Error("the time is up"));
    };
    options.signal?.addEventListener("abort", finish, { once: true });
    const cancel = systemClock.after(options.realMs, finish);
    try {
      const times = await Promise.all(runs);
      return { times, lateMs: Math.max(0, delay.mean / 1e6 - DELAY_RESOLUTION_MS) };
    } finally {
      cancel();
      options.signal?.removeEventListener("abort", finish);
    }
  } finally {
    delay.disable();
    for (const each of staged) await each.close();
  }
}

const DELAY_RESOLUTION_MS = 1;

function stage({ input, mix }: StubFleet, { seed, timeScale }: OnStubsOptions): Promise<StagedFleet> {
  return StagedFleet.start({
    fleet: fleetOf(input.fleet),
    mix,
    seed,
    clock: systemClock,
    timeScale,
    hubWsUrls: ["ws://127.0.0.1:1/ws"],
    claude: undefined,
    // As one write of a stream carries: more events than writes would only cost this machine.
    tokensPerEvent: Math.max(1, Math.round(timeScale)),
  });
}

async function runAgents(
  staged: StagedFleet,
  { input }: StubFleet,
  { seed, timeScale, settleMs }: OnStubsOptions,
  newSignal: () => AbortSignal,
): Promise<TaskTimes> {
  const models = fleetOf(input.fleet).sites.flatMap(({ hosts }) => hosts.flatMap(({ gpu }) => (gpu ? [gpu.model.name] : [])));
  const endpoints = staged.endpointUrls.map((url, index) => ({ url, model: models[index] ?? "" }));
  const beginsMs = startTimesMs({ agents: staged.agents, seed, settleMs });
  const times = new TaskTimes();
  let number = 0;
  let guests = 0;
  const loops = Array.from({ length: staged.agents }, async (_, agent) => {
    const { executor, ollamaUrl } = staged.workplaceOf(agent);
    const own = endpoints.find(({ url }) => url === ollamaUrl);
    const endpoint = own ?? endpoints[guests++ % Math.max(1, endpoints.length)];
    const signal = newSignal();
    await pause((beginsMs[agent] ?? 0) / timeScale, signal);
    while (!signal.aborted) {
      const task = number++;
      const beganMs = staged.elapsedMs;
      const onAbort = (run: () => void) => signal.addEventListener("abort", run, { once: true });
      const result = await executor?.run(taskOf(task, endpoint), { signal, onAbort, onProgress: () => undefined });
      const seconds = (staged.elapsedMs - beganMs) / 1_000;
      if (!signal.aborted) times.note({ number: task, seconds, failed: result?.outcome !== "complete" });
    }
  });
  // A request that is broken off at the end ends its task with a rejection, which is what was asked for.
  await Promise.allSettled(loops);
  return times;
}

function pause(realMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = systemClock.after(realMs, resolve);
    const end = () => {
      cancel();
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
  });
}

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
