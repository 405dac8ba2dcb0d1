/** One hub under one profiler: started, warmed, loaded for a while, ended, and the profiler waited for. */
import { mkdirSync } from "node:fs";
import { GeneratorProcess } from "../load/generator-process.ts";
import { GeneratedLoad } from "../compare/generated-load.ts";
import { type HubSpec, startHub } from "../drivers/index.ts";
import type { ProcessCare } from "../machine/index.ts";
import type { ServerSources } from "../provisioning/index.ts";
import { isClean } from "../results/history.ts";
import { longWorkMs, type Workload } from "../workload/workload.ts";
import type { Clinic } from "./clinic.ts";
import { launcherFor, outcomeOf, type ProfileTool } from "./profile-tool.ts";

export interface ProfileRunOptions {
  spec: HubSpec;
  tool: ProfileTool;
  clinic: Clinic | undefined;
  folder: string;
  care: ProcessCare;
  sources: ServerSources;
  durability: "fsync" | "process";
  workload: Workload;
  inFlight: number;
  seconds: number;
  seed: number;
  tell(line: string): void;
}

export interface Profiled {
  tool: ProfileTool;
  files: string[];
  /** The list of functions, for V8's own profiles. */
  top: string | undefined;
  tasksPerSec: number;
  lost: number;
  /** The hub kept its guarantees. */
  clean: boolean;
}

/** A refusal is a reason: the hub cannot be had, or the tool left nothing. Rejects when the hub does not start. */
export async function profileOnce(options: ProfileRunOptions): Promise<Profiled | { reason: string }> {
  const { tool, folder, care, workload, seed } = options;
  mkdirSync(folder, { recursive: true });
  const started = await startHub(options.spec, {
    care,
    sources: options.sources,
    durability: options.durability,
    seedCompletedRows: workload.completed_rows,
    launcher: launcherFor(tool, folder, options.clinic),
    readyWithinMs: READY_UNDER_PROFILER_MS,
    tell: options.tell,
  });
  if (!started.ok) return { reason: `${started.refusal.message}; ${started.refusal.nextStep}` };
  const { hub } = started;
  const generator = await GeneratedLoad.start({
    ws: hub.ws,
    http: hub.http,
    workload,
    graceMs: longWorkMs(workload) + 1000,
    seed,
    prefix: `agent-${seed}`,
    openGenerator: async () => {
      const process = new GeneratorProcess({ phase: () => undefined, note: options.tell });
      care.atEnd(() => process.kill());
      return process;
    },
  });
  const from = monotonicMicros();
  const { rate } = await generator.probe(options.inFlight, options.seconds * 1000, seed);
  const load = { from, to: monotonicMicros() };
  const { history } = await generator.close();
  await endProfiled(hub.nodes[0], hub.roles.get("hub")?.[0]);
  await hub.stop();
  const { files, top } = outcomeOf(tool, folder, load);
  if (files.length === 0) return { reason: `it left no result within ${ANALYSIS_LIMIT_MS / 1000} s` };
  return { tool, files, top, tasksPerSec: rate, lost: history.lost, clean: isClean(history) };
}

/** The clock that V8 stamps its samples with: one for all processes of a machine. */
function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** A profiler makes everything slower, the start too. */
const READY_UNDER_PROFILER_MS = 120_000;
/** Clinic analyses after the hub has ended; a minute of load takes it some ten seconds. */
const ANALYSIS_LIMIT_MS = 120_000;

/** Only the hub is told to end: the profiler around it, which a signal to the group would end too, has its page still to write. */
async function endProfiled(wrapper: { ended: Promise<unknown> } | undefined, hubPid: number | undefined): Promise<void> {
  if (!wrapper || hubPid === undefined) return;
  process.kill(hubPid, "SIGTERM");
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ANALYSIS_LIMIT_MS);
  });
  await Promise.race([wrapper.ended, late]);
  clearTimeout(timer);
}
