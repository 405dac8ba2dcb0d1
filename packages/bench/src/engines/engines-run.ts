/**
 * The raw engine and the hub over it, in turn on the same running server: what share of the engine's rate reaches a user. The
 * server alone is put under a CPU quota, so that it is what binds both.
 */
import { startHub } from "../drivers/index.ts";
import type { CpuIsolation } from "../isolation/cpu-quota.ts";
import type { GeneratorProcess } from "../load/generator-process.ts";
import { connectPromptAgents } from "../load/prompt-agents.ts";
import { type ProcessCare, readCpuSeconds } from "../machine/index.ts";
import { type Estimate, ratioEstimate, seededRandom } from "../measure/estimate.ts";
import type { ServerSources } from "../provisioning/index.ts";
import type { EngineKind } from "./raw-engine.ts";
import { type RawEngineOrder, runRawEngine } from "./raw-engine-process.ts";

export interface EnginesRunOptions {
  care: ProcessCare;
  sources: ServerSources;
  isolation: CpuIsolation;
  /** Quota of each backbone server; null: none. */
  serverCores: number | null;
  backbone: EngineKind;
  nodes: number;
  servers: number;
  /** Of the hub's queues. */
  shards: number;
  durability: "fsync" | "process";
  repeats: number;
  seed: number;
  /** How far it is, from 0 to 1. */
  at(share: number, doing: string): void;
  tell(line: string): void;
}

/** `cpuSeconds`: of all backbone servers. */
export interface EngineRepeat {
  tasks: number;
  seconds: number;
  cpuSeconds: number;
}

export interface EnginesResult {
  schema: "hubscale.engines/2";
  hub: string;
  backbone: EngineKind;
  shards: number;
  seed: number;
  serverCores: number | null;
  servers: number;
  inFlight: number;
  repeats: { raw: EngineRepeat; hub: EngineRepeat }[];
  raw: EngineFigures;
  withHub: EngineFigures;
  /** The hub's rate over the raw engine's, both of the same repeat. */
  share: Estimate;
  /** Nothing acknowledged was lost, nothing done twice. */
  clean: boolean;
}

export interface EngineFigures {
  tasksPerSec: Estimate;
  serverCpuMsPerTask: Estimate;
  /** Of what the servers may use; 1: they are what binds. */
  serverBusy: Estimate;
}

/** Tasks under way, at the engine and at the hub, which has as many agents. */
const IN_FLIGHT = 64;
const MEASURED_MS = 3_000;
const WARM_UP_MS = 700;
const OUTPUT_CHARS = 200;
const TASK = { descriptionChars: 200, metadataBytes: 100 };

/** Rejects when something fails. About 12 s for each repeat. */
export async function runEngines(options: EnginesRunOptions): Promise<EnginesResult> {
  const { backbone, care, repeats, seed, serverCores, shards, at, tell } = options;
  at(0, "starting the hub");
  const spec = { kind: "sharded", backbone, nodes: options.nodes, servers: options.servers } as const;
  const started = await startHub(spec, { care, sources: options.sources, durability: options.durability, shards, tell });
  if (!started.ok) throw new Error(`${started.refusal.message}; ${started.refusal.nextStep}`);
  const { hub } = started;
  const pids = hub.servers.flatMap(({ pid }) => (pid === null ? [] : [pid]));
  if (pids.length < hub.servers.length)
    throw new Error("the backbone's servers do not run on this machine: their CPU is not known");
  const load = await connectPromptAgents({
    ...options,
    hub,
    agents: IN_FLIGHT,
    httpConnections: IN_FLIGHT,
    outputChars: OUTPUT_CHARS,
  });
  await hubRepeat(load, pids, "warm-up", seed);
  if (serverCores !== null) {
    for (const [index, pid] of pids.entries()) options.isolation.limit(`engine-${index}`, [pid], serverCores);
  }
  const urls = hub.servers.map(({ url }) => url);
  const done: EnginesResult["repeats"] = [];
  let isClean = true;
  for (let n = 0; n < repeats; n++) {
    at(0.1 + (0.9 * n) / repeats, `repeat ${n + 1} of ${repeats}`);
    const measureRaw = () => rawRepeat({ kind: backbone, urls, shards }, pids, care);
    const measureHub = async () => {
      const { repeat, clean } = await hubRepeat(load, pids, `repeat-${n}`, seed + n);
      isClean &&= clean;
      return repeat;
    };
    // Each of them first in every other repeat: what one leaves behind meets both alike.
    if (n % 2 === 0) {
      const raw = await measureRaw();
      done.push({ raw, hub: await measureHub() });
    } else {
      const withHub = await measureHub();
      done.push({ raw: await measureRaw(), hub: withHub });
    }
  }
  await load.close();
  await hub.stop();
  const random = seededRandom(seed);
  const allowed = pids.length * (serverCores ?? 1);
  return {
    schema: "hubscale.engines/2",
    hub: hub.id,
    backbone,
    shards,
    seed,
    serverCores,
    servers: pids.length,
    inFlight: IN_FLIGHT,
    repeats: done,
    raw: figuresOf(
      done.map(({ raw }) => raw),
      allowed,
      random,
    ),
    withHub: figuresOf(
      done.map((each) => each.hub),
      allowed,
      random,
    ),
    share: ratioEstimate(
      done.map(({ raw, hub: of }) => ({ numerator: rateOf(of) / rateOf(raw), denominator: 1 })),
      "",
      random,
    ) as Estimate,
    clean: isClean,
  };
}

/** Rate within the window; CPU over the whole, by all tasks of it. */
async function hubRepeat(load: GeneratorProcess, pids: readonly number[], id: string, seed: number) {
  const cpuBefore = readCpuSeconds(pids);
  const { inWindow, whole, drained, history } = await load.trial({
    kind: "trial",
    id,
    mode: "closed",
    inFlight: IN_FLIGHT,
    warmupMs: WARM_UP_MS,
    durationMs: MEASURED_MS,
    graceMs: 0,
    drainLimitMs: 15_000,
    seed,
    ...TASK,
  });
  if (!drained || whole.completed === 0)
    throw new Error(`the hub did not complete what it was given (${whole.completed} of ${whole.acknowledged} tasks)`);
  const cpuPerTask = (readCpuSeconds(pids) - cpuBefore) / whole.completed;
  const repeat = { tasks: inWindow.completed, seconds: MEASURED_MS / 1000, cpuSeconds: cpuPerTask * inWindow.completed };
  return { repeat, clean: history.clean };
}

async function rawRepeat(
  engine: Pick<RawEngineOrder, "kind" | "urls" | "shards">,
  pids: readonly number[],
  care: ProcessCare,
): Promise<EngineRepeat> {
  const cpuBefore = readCpuSeconds(pids);
  const { tasks, durationMs } = await runRawEngine(
    { ...engine, inFlight: IN_FLIGHT, warmupMs: WARM_UP_MS, durationMs: MEASURED_MS },
    care,
  );
  const spent = readCpuSeconds(pids) - cpuBefore;
  // The warm-up's tasks were paid for as well, at the same rate.
  return { tasks, seconds: durationMs / 1000, cpuSeconds: (spent * durationMs) / (durationMs + WARM_UP_MS) };
}

function figuresOf(repeats: readonly EngineRepeat[], allowedCores: number, random: () => number): EngineFigures {
  const ratio = (of: (repeat: EngineRepeat) => [number, number], unit: string) =>
    ratioEstimate(
      repeats.map((repeat) => {
        const [numerator, denominator] = of(repeat);
        return { numerator, denominator };
      }),
      unit,
      random,
    ) as Estimate;
  return {
    tasksPerSec: ratio(({ tasks, seconds }) => [tasks, seconds], "tasks/s"),
    serverCpuMsPerTask: ratio(({ cpuSeconds, tasks }) => [cpuSeconds * 1000, tasks], "ms"),
    serverBusy: ratio(({ cpuSeconds, seconds }) => [cpuSeconds, seconds * allowedCores], ""),
  };
}

function rateOf({ tasks, seconds }: EngineRepeat): number {
  return tasks / seconds;
}
