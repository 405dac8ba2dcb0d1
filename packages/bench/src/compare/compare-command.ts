/** `bench compare`: the composition root of the main job. Checks everything it can before anything is started. */
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type ReadCalibration, readCalibration, recordAsCalibration } from "../calibrate/calibration-file.ts";
import { predictRealHub } from "../calibrate/real-hub.ts";
import { formatHubId, type HubSpec, parseHubId } from "../drivers/index.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type CpuIsolation, noIsolation, openCpuIsolation } from "../isolation/cpu-quota.ts";
import { type EnvironmentFingerprint, ProcessCare, readEnvironment } from "../machine/index.ts";
import { parseSlo, type Slo, sloText } from "../measure/slo.ts";
import { unwritable, writeReport } from "../report/report-files.ts";
import { summarise } from "../report/summary.ts";
import { renderTerminal } from "../report/terminal.ts";
import type { CompareResult } from "../results/compare-result.ts";
import { checkThresholds, renderChecks } from "../thresholds/threshold-check.ts";
import { loadThresholds } from "../thresholds/threshold-file.ts";
import { loadWorkload, type Workload } from "../workload/workload.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { runComparison } from "./comparison.ts";
import { EFFORTS, type Effort } from "./effort.ts";
import type { Entrant } from "./entrant.ts";
import { enterHub } from "./enter-hub.ts";
import { holdsPoints, type OpenedPoints, PointFiles, type RunConfiguration } from "./point-files.ts";
import { progressOn, silentProgress, type Terminal } from "./progress.ts";

export interface CompareCommandOptions {
  effort: Effort["name"];
  hubs?: string[];
  workload: string;
  slo?: Slo;
  durability: "fsync" | "process";
  isolation: "auto" | "cgroup" | "none";
  cores?: number;
  /** 0: the disk as it is. */
  fsyncFloorMs: number;
  /** Queue shards of the sharded hubs; default: the program's own. */
  shards?: number;
  seed: number;
  out?: string;
  /** Go on with the interrupted run in `out`. */
  resume: boolean;
  /** A file with bounds that the result must keep. */
  thresholds?: string;
  /** Of `bench calibrate dets`; default: the one that is shipped. */
  calibration?: string;
  json: boolean;
  progress: boolean;
}

export interface Surroundings {
  stdout: Terminal;
  stderr: Terminal;
  env: Record<string, string | undefined>;
  cwd: string;
}

export async function compareCommand(
  options: CompareCommandOptions,
  { stdout, stderr, env, cwd }: Surroundings,
): Promise<ExitCode> {
  const fail = (code: ExitCode, ...lines: string[]) => {
    for (const line of lines) stderr.write(`hubscale: ${line}\n`);
    return code;
  };
  const effort = EFFORTS[options.effort];
  const parsed = (options.hubs ?? effort.hubs).map((id) => parseHubId(id));
  const unknown = parsed.flatMap((hub) => (hub.ok ? [] : [hub.problem]));
  if (unknown.length > 0) return fail(EXIT.usage, ...unknown);
  const specs = parsed.flatMap((hub) => (hub.ok ? [hub.spec] : []));
  if (specs.length === 0) return fail(EXIT.usage, "--hubs names no hub");
  const loaded = loadWorkload(options.workload);
  if (!loaded.ok) return fail(EXIT.usage, ...loaded.problems);
  const { workload } = loaded;
  const bounds = options.thresholds === undefined ? undefined : loadThresholds(options.thresholds, specs.map(formatHubId));
  if (bounds && !bounds.ok) return fail(EXIT.usage, ...bounds.problems);
  const calibration = calibrationOf(options.calibration);
  if (!calibration.ok) return fail(EXIT.usage, calibration.problem);
  if (options.resume && options.out === undefined)
    return fail(EXIT.usage, "--resume needs --out, the folder of the interrupted run");
  const startedAt = new Date();
  const out = resolve(cwd, options.out ?? join("hubscale-results", startedAt.toISOString().replaceAll(":", "-").slice(0, 19)));
  const problem = unwritable(out);
  const abandons = problem === undefined && !options.resume && holdsPoints(out);
  if (problem !== undefined) return fail(EXIT.error, `cannot write to ${out}: ${problem}; choose another folder with --out`);

  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  try {
    const isolation = isolationFor(options.isolation);
    if (isolation.kind === "none" && options.isolation === "cgroup") {
      return fail(EXIT.error, `--isolation cgroup: ${isolation.how}; use --isolation none to measure without quotas`);
    }
    const dataFolder = care.temporaryFolder("compare");
    const environment = readEnvironment({ dataFolder, sourceFolder: fileURLToPath(new URL("..", import.meta.url)) });
    const slo = options.slo ?? (parseSlo(workload.slo) as Slo);
    const coresPerMachine =
      isolation.kind === "none"
        ? null
        : (options.cores ?? coresForEachMachine(specs, environment.cpuLimitCores ?? environment.cpus));
    const opened = PointFiles.open(
      out,
      configurationOf({ options, specs, workload, slo, coresPerMachine, isolation, environment }),
      {
        resume: options.resume,
        startedAt: startedAt.toISOString(),
      },
    );
    if (!opened.ok)
      return fail(EXIT.usage, `${out} holds a run of another configuration; start anew without --resume`, ...opened.problems);
    if (options.resume) progress.say(resumeLine(opened));
    const entrants: Entrant[] = [];
    const common = {
      care,
      sources: serverSourcesOf(env),
      isolation,
      coresPerMachine,
      workload,
      slo,
      seed: options.seed,
      durability: options.durability,
      fsyncFloorMs: options.fsyncFloorMs,
      ...(options.shards !== undefined && { shards: options.shards }),
      tell: (line: string) => progress.say(line),
    };
    if (abandons) progress.say(`the interrupted run in ${out} is replaced; --resume would have gone on with it`);
    progress.at(0, `starting ${specs.map(formatHubId).join(", ")}`);
    entrants.push(...(await Promise.all(specs.map((spec) => enterHub({ ...common, spec, id: formatHubId(spec) })))));
    // After the hubs: hooks run last added first, and a CPU group can only go when its processes have.
    care.atEnd(async () => {
      await Promise.all(entrants.map((entrant) => (entrant.ready ? entrant.stop() : undefined)));
      isolation.close();
    });
    const measured = await runComparison(entrants, {
      effort,
      workload,
      slo,
      seed: options.seed,
      coresPerMachine,
      isolation,
      environment: { ...environment, ...(options.fsyncFloorMs > 0 && { fsyncFloorMs: options.fsyncFloorMs }) },
      progress,
      points: { files: opened.points, kept: opened.kept, startedAt: opened.startedAt },
      startedAt,
      nowMs: () => performance.now(),
      sleep: (ms) => sleep(ms),
    });
    progress.done();
    const twin = measured.hubs.find((hub) => hub.id === "single-reference");
    const result: CompareResult = {
      ...measured,
      ...(bounds && { thresholds: checkThresholds(bounds.thresholds, measured) }),
      // A slowed disk was not calibrated.
      ...(twin &&
        options.fsyncFloorMs === 0 && {
          realHub: predictRealHub(twin, workload.completed_rows, calibration.calibration),
        }),
    };
    const files = writeReport(out, result);
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderTerminal(summarise(result))}\n\n`);
    for (const line of renderChecks(result.thresholds ?? [])) stderr.write(`${line}\n`);
    stderr.write(`wrote ${files.json}, ${files.markdown} and ${files.html}\n`);
    return exitCodeOf(result);
  } catch (error) {
    progress.done();
    // What fails because the program was told to end is no failure worth telling.
    return care.ending ? EXIT.error : fail(EXIT.error, ...messagesOf(error));
  } finally {
    await care.close();
  }
}

function calibrationOf(file: string | undefined): ReadCalibration {
  return file === undefined ? { ok: true, calibration: recordAsCalibration() } : readCalibration(file);
}

/** 4 when a hub broke a guarantee or could not be measured, 99 when a threshold was missed, 3 when nothing could be decided. */
export function exitCodeOf(result: CompareResult): ExitCode {
  const { hubs, decision } = result;
  if (hubs.some(({ history: h }) => h.lost + h.duplicated + h.staleAccepted > 0)) return EXIT.invalid;
  const measured = hubs.filter((hub) => hub.trials.length > 0);
  if (measured.some((hub) => !hub.valid)) return EXIT.invalid;
  if (result.thresholds?.some(({ met }) => !met)) return EXIT.thresholdMissed;
  return decision.verdict.startsWith("No verdict") ? EXIT.inconclusive : EXIT.ok;
}

function resumeLine({ kept, dropped, startedAt }: Extract<OpenedPoints, { ok: true }>): string {
  if (startedAt === null) return "nothing is kept here: the run begins anew";
  const each = [...new Set(kept.map(({ hub }) => hub))].map((id) => `${id} ${kept.filter(({ hub }) => hub === id).length}`);
  const lost = dropped > 0 ? `; ${dropped} were dropped, since not all of their tasks were seen to end` : "";
  return `kept of the run begun ${startedAt}: ${kept.length} trials (${each.join(", ") || "none"})${lost}`;
}

interface Configuration {
  options: CompareCommandOptions;
  specs: readonly HubSpec[];
  workload: Workload;
  slo: Slo;
  coresPerMachine: number | null;
  isolation: CpuIsolation;
  environment: EnvironmentFingerprint;
}

/** What makes trials comparable with those of an earlier start. Not in it: the load of the machine, the speed of its disk. */
function configurationOf({
  options,
  specs,
  workload,
  slo,
  coresPerMachine,
  isolation,
  environment,
}: Configuration): RunConfiguration {
  const { cpuModel, cpus, cpuLimitCores, kernel, node, commit, dataDisk } = environment;
  return {
    effort: options.effort,
    hubs: specs.map(formatHubId),
    workload,
    slo: sloText(slo),
    durability: options.durability,
    fsyncFloorMs: options.fsyncFloorMs,
    isolation: isolation.kind,
    coresPerMachine,
    shards: options.shards ?? null,
    calibration: options.calibration ?? null,
    seed: options.seed,
    machine: { cpuModel, cpus, cpuLimitCores, kernel, node, filesystem: dataDisk.filesystem },
    commit,
  };
}

/** The largest share, in steps of 0.05, that the machines of the largest hub can have at once beside the load generator. */
export function coresForEachMachine(specs: readonly HubSpec[], cpus: number): number {
  const machines = Math.max(...specs.map((spec) => (spec.kind === "sharded" ? spec.nodes + spec.servers : 1)));
  const share = Math.floor(((cpus - GENERATOR_CORES) / machines) * 20) / 20;
  return Math.min(1, Math.max(LEAST_CORES, share));
}

/** Kept free for the load generator and for this program. */
const GENERATOR_CORES = 0.5;
/** Below this the throttling itself eats a good part of what is left. */
const LEAST_CORES = 0.2;

function isolationFor(kind: CompareCommandOptions["isolation"]): CpuIsolation {
  return kind === "none" ? noIsolation("switched off with --isolation none") : openCpuIsolation(process.pid);
}

/** The message and those of its causes, each on a line. */
function messagesOf(error: unknown): string[] {
  const lines: string[] = [];
  for (let e: unknown = error; e instanceof Error; e = e.cause) lines.push(e.message);
  return lines.length > 0 ? lines : [String(error)];
}
