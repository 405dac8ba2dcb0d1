/** The measurement: in each repeat every primitive and the hub once, so that a slow moment of the machine meets all alike. */
import { join } from "node:path";
import { type RunningHub, startHub } from "../drivers/index.ts";
import type { GeneratorProcess } from "../load/generator-process.ts";
import { connectPromptAgents } from "../load/prompt-agents.ts";
import { taskBody } from "../load/task-body.ts";
import { type ProcessCare, readCpuSeconds } from "../machine/index.ts";
import { seededRandom } from "../measure/estimate.ts";
import type { ServerSources } from "../provisioning/index.ts";
import { PrimitiveProcess, type Spent } from "./primitive-process.ts";
import type { TaskTexts } from "./primitive-protocol.ts";
import { compared, type HubRepeat, type PathComparison, type PrimitiveCosts } from "./task-path.ts";
import { recordTask } from "./task-texts.ts";

export interface PrimitivesRunOptions {
  care: ProcessCare;
  sources: ServerSources;
  repeats: number;
  seed: number;
  /** How far it is, from 0 to 1. */
  at(share: number, doing: string): void;
  tell(line: string): void;
}

export interface PrimitivesResult {
  schema: "hubscale.primitives/1";
  seed: number;
  agents: number;
  inFlight: number;
  /** Sizes of what a task consists of, in bytes. */
  bytes: Record<keyof Omit<TaskTexts, "token">, number>;
  repeats: { costs: PrimitiveCosts; hub: HubRepeat }[];
  comparison: PathComparison;
}

/** Agents, and connections to the bare WebSocket server. */
const AGENTS = 50;
/** Tasks under way at the hub, and requests at the bare HTTP servers. */
const IN_FLIGHT = 25;
const TASK = { descriptionChars: 200, metadataBytes: 100 };
const OUTPUT_CHARS = 200;
/** For each primitive in each repeat: some thousands of operations. */
const PRIMITIVE_MS = 350;
/** For the hub in each repeat. */
const HUB_MS = 2_000;
const WARM_UP_MS = 1_500;

/** Rejects when a process fails. About 6.5 s for each repeat, and 10 s before. */
export async function runPrimitives(options: PrimitivesRunOptions): Promise<PrimitivesResult> {
  const { care, repeats, seed, at, tell } = options;
  at(0, "starting the tuned hub");
  const started = await startHub(
    { kind: "single", profile: "tuned", fixes: [] },
    { care, sources: options.sources, durability: "fsync", tell },
  );
  if (!started.ok) throw new Error(`single-tuned: ${started.refusal.message}; ${started.refusal.nextStep}`);
  const { hub } = started;
  const texts = await recordTask(hub, {
    agentId: `primitive-${seed}`,
    submitBody: taskBody(TASK),
    output: "x".repeat(OUTPUT_CHARS),
  });
  const primitives = await PrimitiveProcess.start({
    texts,
    dataFolder: join(care.temporaryFolder("primitives"), "data"),
    connections: AGENTS,
    inFlight: IN_FLIGHT,
    onSpawn: (process) => care.atEnd(() => process.kill()),
  });
  const load = await connectPromptAgents({
    ...options,
    hub,
    agents: AGENTS,
    httpConnections: IN_FLIGHT,
    outputChars: OUTPUT_CHARS,
  });
  at(0.05, "warming up");
  await hubRepeat(hub, load, "warm-up", seed, WARM_UP_MS);
  await costsOf(primitives, 2 * PRIMITIVE_MS);

  const done: PrimitivesResult["repeats"] = [];
  for (let n = 0; n < repeats; n++) {
    at(0.15 + (0.85 * n) / repeats, `repeat ${n + 1} of ${repeats}`);
    const costs = await costsOf(primitives, PRIMITIVE_MS);
    done.push({ costs, hub: await hubRepeat(hub, load, `repeat-${n}`, seed + n, HUB_MS) });
  }
  await load.close();
  await primitives.close();
  await hub.stop();
  const { token: _, ...sized } = texts;
  return {
    schema: "hubscale.primitives/1",
    seed,
    agents: AGENTS,
    inFlight: IN_FLIGHT,
    bytes: Object.fromEntries(
      Object.entries(sized).map(([name, text]) => [name, Buffer.byteLength(text)]),
    ) as PrimitivesResult["bytes"],
    repeats: done,
    comparison: compared(
      done.map(({ costs }) => costs),
      done.map((each) => each.hub),
      seededRandom(seed),
    ),
  };
}

async function costsOf(primitives: PrimitiveProcess, durationMs: number): Promise<PrimitiveCosts> {
  return {
    postFastify: micros(await primitives.posts("fastify", durationMs)),
    postHttp: micros(await primitives.posts("http", durationMs)),
    acceptedIn: micros(await primitives.framesIn("accepted", durationMs)),
    completeIn: micros(await primitives.framesIn("complete", durationMs)),
    assignOut: micros(await primitives.framesOut("assign", durationMs)),
    ackOut: micros(await primitives.framesOut("acceptedAck", durationMs)),
    parseRow: micros(await primitives.loop("parse", durationMs / 2)),
    stringifyRow: micros(await primitives.loop("stringify", durationMs / 2)),
    sha256: micros(await primitives.loop("sha256", durationMs / 2)),
    // Last: the store tidies up in the background for a moment after them, and what follows is the turn of the hub's process.
    commit1: micros(await primitives.loop("commit1", durationMs)),
    commit8: micros(await primitives.loop("commit8", durationMs)),
    commit64: micros(await primitives.loop("commit64", durationMs)),
  };
}

function micros({ cpuSeconds, operations }: Spent): number {
  if (operations === 0) throw new Error("a primitive was not run once in its time");
  return (cpuSeconds * 1e6) / operations;
}

/** From before the first submission to after the last completion, so that all that the tasks cost is in it. */
async function hubRepeat(
  hub: RunningHub,
  load: GeneratorProcess,
  id: string,
  seed: number,
  durationMs: number,
): Promise<HubRepeat> {
  const pids = hub.roles.get("hub") ?? [];
  const before = { cpu: readCpuSeconds(pids), ...(await workOf(hub)) };
  const { whole, drained, history } = await load.trial({
    kind: "trial",
    id,
    mode: "closed",
    inFlight: IN_FLIGHT,
    warmupMs: 0,
    durationMs,
    graceMs: 0,
    drainLimitMs: 10_000,
    seed,
    ...TASK,
  });
  const after = { cpu: readCpuSeconds(pids), ...(await workOf(hub)) };
  if (!drained || !history.clean || whole.completed === 0) {
    throw new Error(`the hub did not complete what it was given (${whole.completed} of ${whole.acknowledged} tasks)`);
  }
  return {
    cpuMicros: (after.cpu - before.cpu) * 1e6,
    tasks: whole.completed,
    rowsWritten: after.rowsWritten - before.rowsWritten,
    fsyncs: after.fsyncs - before.fsyncs,
  };
}

async function workOf(hub: RunningHub): Promise<{ rowsWritten: number; fsyncs: number }> {
  const { nodes } = await hub.describe();
  const counters = nodes[0]?.details["counters"] as { rowsWritten?: number; fsyncs?: number } | undefined;
  if (counters?.rowsWritten === undefined || counters.fsyncs === undefined)
    throw new Error("the hub does not count its commits");
  return { rowsWritten: counters.rowsWritten, fsyncs: counters.fsyncs };
}
