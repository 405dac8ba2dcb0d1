/** `bench compare`: the composition root of the main job. Checks everything it can before anything is started. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { type ReadCalibration, readCalibration, recordAsCalibration } from "../calibrate/calibration-file.ts";
import { predictRealHub } from "../calibrate/real-hub.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { failOn } from "../failure-lines.ts";
import { hostsInWords } from "../hosts/hosts-in-words.ts";
import type { CpuIsolation } from "../isolation/cpu-quota.ts";
import type { EnvironmentFingerprint } from "../machine/index.ts";
import { type Slo, sloText } from "../measure/slo.ts";
import { writeReport } from "../report/report-files.ts";
import { summarise } from "../report/summary.ts";
import { renderTerminal } from "../report/terminal.ts";
import type { CompareResult } from "../results/compare-result.ts";
import { exitCodeOf } from "../results/exit-code.ts";
import { unwritable } from "../results/stored-result.ts";
import { checkThresholds, renderChecks } from "../thresholds/threshold-check.ts";
import { loadThresholds } from "../thresholds/threshold-file.ts";
import { formatHubId } from "../drivers/index.ts";
import { runComparison } from "./comparison.ts";
import { commaList, wholeNumberFrom } from "../option-values.ts";
import { EFFORTS, type Effort } from "./effort.ts";
import { bareWorkload, measureFloor } from "./harness-floor.ts";
import { withMeasuring } from "./hub-options.ts";
import { holdsPoints, type OpenedPoints, PointFiles, type RunConfiguration } from "./point-files.ts";
import type { Terminal } from "./progress.ts";
import { onStage, planStage, resultsFolder, type StageFacts, type StageOptions, type StagePlan } from "./stage.ts";

export interface CompareCommandOptions extends StageOptions {
  effort: Effort["name"];
  hubs?: string[];
  out?: string;
  /** Go on with the interrupted run in `out`. */
  resume: boolean;
  /** A file with bounds that the result must keep. */
  thresholds?: string;
  /** Of `bench calibrate dets`; default: the one that is shipped. */
  calibration?: string;
  json: boolean;
}

export interface Surroundings {
  stdout: Terminal;
  stderr: Terminal;
  env: Record<string, string | undefined>;
  cwd: string;
}

export function addCompareCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  withMeasuring(program.command("compare"))
    .description("measure hubs against each other and say what to do (the main job)")
    .addOption(new Option("--effort <name>", "how much time it may take").choices(Object.keys(EFFORTS)).default("quick"))
    .option("--hubs <ids>", "hub ids, separated by commas; default: those of the effort", commaList)
    .option("--shards <n>", "queue shards of the sharded hubs, 1 to 256; default: the program's own", wholeNumberFrom(1, 256))
    .option("--out <dir>", "where results.json, report.md and report.html go; default: hubscale-results/<time>")
    .option("--resume", "go on with the interrupted run in --out; refused when it was of another configuration", false)
    .option("--thresholds <file>", "bounds that the result must keep, or the run ends with 99 (docs/statistics.md)")
    .option("--calibration <file>", "for the prediction of the real hub, from bench calibrate dets; default: a recorded one")
    .action(async (options) => end(await compareCommand(options, surroundings)));
}

async function compareCommand(options: CompareCommandOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr, cwd } = surroundings;
  const fail = failOn(stderr);
  const effort = EFFORTS[options.effort];
  // Who points at a hub means that hub; others are named beside it.
  const plan = planStage(options.hubs ?? (options.target === undefined ? effort.hubs : []), options);
  if (!plan.ok) return fail(EXIT.usage, ...plan.problems);
  const bounds = options.thresholds === undefined ? undefined : loadThresholds(options.thresholds, plan.specs.map(formatHubId));
  if (bounds && !bounds.ok) return fail(EXIT.usage, ...bounds.problems);
  const calibration = calibrationOf(options.calibration);
  if (!calibration.ok) return fail(EXIT.usage, calibration.problem);
  if (options.resume && options.out === undefined)
    return fail(EXIT.usage, "--resume needs --out, the folder of the interrupted run");
  const startedAt = new Date();
  const out = resultsFolder(options.out, cwd, startedAt);
  const problem = unwritable(out);
  const abandons = problem === undefined && !options.resume && holdsPoints(out);
  if (problem !== undefined) return fail(EXIT.error, `cannot write to ${out}: ${problem}; choose another folder with --out`);

  let opened: Extract<OpenedPoints, { ok: true }> | undefined;
  /** Before any hub is started. */
  const prepare = ({ progress, ...facts }: StageFacts) => {
    const configuration = configurationOf({ ...facts, options, ...plan });
    const points = PointFiles.open(out, configuration, { resume: options.resume, startedAt: startedAt.toISOString() });
    if (!points.ok) {
      const why = points.isDamaged ? [] : [`${out} holds a run of another configuration; start anew without --resume`];
      return fail(EXIT.usage, ...why, ...points.problems);
    }
    for (const line of points.damaged) progress.say(line);
    opened = points;
    if (options.resume) progress.say(resumeLine(points));
    if (abandons) progress.say(`the interrupted run in ${out} is replaced; --resume would have gone on with it`);
    return undefined;
  };
  return onStage(plan, options, { ...surroundings, prepare }, async (stage) => {
    const { environment, progress, slo } = stage;
    const harness = await stage.enter({ kind: "null" }, bareWorkload(stage.workload));
    const floor = harness.ready ? await measureFloor(harness, { seed: options.seed, slo }) : null;
    const compared = await runComparison(stage.entrants, {
      ...stage,
      effort,
      seed: options.seed,
      environment: { ...environment, ...(options.fsyncFloorMs > 0 && { fsyncFloorMs: options.fsyncFloorMs }) },
      ...(opened && { points: { files: opened.points, kept: opened.kept, startedAt: opened.startedAt } }),
      startedAt,
      nowMs: () => performance.now(),
      sleep: (ms) => sleep(ms),
    });
    const measured: CompareResult = { ...compared, floor };
    progress.done();
    const twin = measured.hubs.find((hub) => hub.id === "single-reference");
    const result: CompareResult = {
      ...measured,
      ...(bounds && { thresholds: checkThresholds(bounds.thresholds, measured) }),
      // A slowed disk was not calibrated.
      ...(twin &&
        options.fsyncFloorMs === 0 && {
          realHub: predictRealHub(twin, plan.workload.completed_rows, calibration.calibration),
        }),
    };
    const files = writeReport(out, result);
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderTerminal(summarise(result))}\n\n`);
    for (const line of renderChecks(result.thresholds ?? [])) stderr.write(`${line}\n`);
    stderr.write(`wrote ${files.json}, ${files.markdown} and ${files.html}\n`);
    return exitCodeOf(result);
  });
}

function calibrationOf(file: string | undefined): ReadCalibration {
  return file === undefined ? { ok: true, calibration: recordAsCalibration() } : readCalibration(file);
}

function resumeLine({ kept, dropped, startedAt }: Extract<OpenedPoints, { ok: true }>): string {
  if (startedAt === null) return "nothing is kept here: the run begins anew";
  const each = [...new Set(kept.map(({ hub }) => hub))].map((id) => `${id} ${kept.filter(({ hub }) => hub === id).length}`);
  const lost = dropped > 0 ? `; ${dropped} were dropped, since not all of their tasks were seen to end` : "";
  return `kept of the run begun ${startedAt}: ${kept.length} trials (${each.join(", ") || "none"})${lost}`;
}

interface Configuration extends StagePlan {
  options: CompareCommandOptions;
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
  hosts,
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
    hosts: hosts ? hostsInWords(hosts) : null,
    calibration: options.calibration ?? null,
    seed: options.seed,
    machine: { cpuModel, cpus, cpuLimitCores, kernel, node, filesystem: dataDisk.filesystem },
    commit,
  };
}
