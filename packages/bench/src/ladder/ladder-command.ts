/** `bench ladder`: its options, checked before anything is started, and its files. */
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Fix, isFix } from "@hubscale/hub-single";
import { writeWholeFile } from "@hubscale/hub-runtime/files";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { failOn, failureLines } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { FSYNC_FLOOR } from "../fsync-floor-option.ts";
import { noIsolation, openCpuIsolation } from "../isolation/cpu-quota.ts";
import { ProcessCare, readEnvironment } from "../machine/index.ts";
import type { Slo } from "../measure/slo.ts";
import { commaList, coreShare, slo, wholeNumber } from "../option-values.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { isClean } from "../results/history.ts";
import { unwritable } from "../results/stored-result.ts";
import { loadWorkload, type Workload } from "../workload/workload.ts";
import { type ConditionPlan, LADDER_EFFORTS, type LadderEffort, SMOKE_FIXES } from "./ladder-effort.ts";
import { renderLadderPage } from "./ladder-page.ts";
import { renderLadders } from "./ladder-report.ts";
import type { LadderResult } from "./ladder-result.ts";
import { runLadders } from "./ladder-run.ts";
import { machineShareOf } from "./machine-share.ts";
import { EVERY_FIX } from "./rungs.ts";

export interface LadderOptions {
  effort: LadderEffort["name"];
  /** Default: all, and at effort smoke the few that weigh most. */
  fixes?: readonly Fix[];
  order?: readonly Fix[];
  slo: Slo;
  arrivals: "constant" | "poisson";
  /** In place of the workload's. */
  agents?: number;
  rows?: number;
  isolation: "auto" | "cgroup" | "none";
  cores?: number;
  /** 0: the disk as it is. */
  fsyncFloorMs: number;
  seed: number;
  out?: string;
  json: boolean;
  progress: boolean;
}

/**
 * Looser than a user's: the question is what load a hub can bear for good, not how fast it answers. Not much looser, since within
 * a short trial a hub can borrow about as much time as the bound allows.
 */
export const LADDER_SLO: Slo = { stage: "assign", quantile: "p99", boundMs: 250 };

export function addLadderCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("ladder")
    .description("what each fix of the single hub is worth: alone, and added up")
    .addOption(new Option("--effort <name>", "how much time it may take").choices(Object.keys(LADDER_EFFORTS)).default("quick"))
    .option("--fixes <list>", "which of C1 to C11; default: all, at effort smoke a few", fixes)
    .option("--order <list>", "add these up first, in this order; default: by the gain of each alone", fixes)
    .option("--slo <bound>", "what a load must keep to count as borne", slo, LADDER_SLO)
    .addOption(new Option("--arrivals <kind>", "of tasks").choices(["constant", "poisson"]).default("constant"))
    .option("--agents <n>", "in place of the conditions' own", wholeNumber)
    .option("--rows <n>", "completed rows at the start, in place of the conditions' own", wholeNumber)
    .addOption(
      new Option("--isolation <kind>", "give each hub the same share of a core")
        .choices(["auto", "cgroup", "none"])
        .default("auto"),
    )
    .option("--cores <share>", "that share, in cores; default: as much as fits", coreShare)
    .option(...FSYNC_FLOOR)
    .option("--seed <n>", "for resampling", wholeNumber, 1)
    .option("--out <dir>", "where ladder.json and ladder.html go; default: hubscale-results/ladder-<time>")
    .option("--json", "print the result as JSON on stdout instead of the tables", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options) => end(await ladderCommand(options, surroundings)));
}

async function ladderCommand(options: LadderOptions, { stdout, stderr, env, cwd }: Surroundings): Promise<ExitCode> {
  const fail = failOn(stderr);
  const effort = LADDER_EFFORTS[options.effort];
  const fixes = options.fixes ?? options.order ?? (effort.name === "smoke" ? SMOKE_FIXES : EVERY_FIX);
  const stray = options.order?.filter((fix) => !fixes.includes(fix)) ?? [];
  if (stray.length > 0) return fail(EXIT.usage, `--order names ${stray.join(", ")}, which --fixes leaves out`);
  const loaded = effort.conditions.map((plan) => ({ plan, file: loadWorkload(plan.workload) }));
  const problems = loaded.flatMap(({ file }) => (file.ok ? [] : file.problems));
  if (problems.length > 0) return fail(EXIT.error, ...problems);
  const conditions = loaded.flatMap(({ plan, file }) =>
    file.ok ? [{ plan, workload: workloadFor(file.workload, plan, options) }] : [],
  );
  const startedAt = new Date();
  const name = `ladder-${startedAt.toISOString().replaceAll(":", "-").slice(0, 19)}`;
  const out = resolve(cwd, options.out ?? join("hubscale-results", name));
  const problem = unwritable(out);
  if (problem !== undefined) return fail(EXIT.error, `cannot write to ${out}: ${problem}; choose another folder with --out`);

  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  try {
    const isolation =
      options.isolation === "none" ? noIsolation("switched off with --isolation none") : openCpuIsolation(process.pid);
    care.atEnd(() => isolation.close());
    const quotas = isolation.kind !== "none";
    if (!quotas && options.isolation === "cgroup") {
      return fail(EXIT.error, `--isolation cgroup: ${isolation.how}; use --isolation none to measure without quotas`);
    }
    const folder = care.temporaryFolder("ladder");
    const environment = readEnvironment({ dataFolder: folder, sourceFolder: fileURLToPath(new URL("..", import.meta.url)) });
    const share = machineShareOf({ cpus: environment.cpuLimitCores ?? environment.cpus, quotas });
    const result = await runLadders({
      ...options,
      care,
      isolation,
      effort,
      fixes,
      conditions,
      folder,
      progress,
      startedAt,
      order: options.order,
      sources: serverSourcesOf(env),
      slowHubsAtOnce: share.slowHubsAtOnce,
      hubsAtOnce: share.hubsAtOnce,
      coresPerMachine: quotas ? (options.cores ?? share.coresPerHub) : null,
      environment: { ...environment },
      nowMs: () => performance.now(),
      sleep: (ms) => sleep(ms),
    });
    progress.done();
    const json = put(out, "ladder.json", `${JSON.stringify(result, null, 2)}\n`);
    const html = put(out, "ladder.html", renderLadderPage(result));
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderLadders(result)}\n\n`);
    stderr.write(`wrote ${json} and ${html}\n`);
    return exitCodeOf(result);
  } catch (error) {
    progress.done();
    // What fails because the program was told to end is no failure worth telling.
    return care.ending ? EXIT.error : fail(EXIT.error, ...failureLines(error));
  } finally {
    await care.close();
  }
}

function workloadFor(workload: Workload, plan: ConditionPlan, { agents, arrivals, rows }: LadderOptions): Workload {
  return {
    ...workload,
    arrivals,
    agents: agents ?? plan.agents ?? workload.agents,
    completed_rows: rows ?? plan.completedRows ?? workload.completed_rows,
  };
}

/** 4 when a hub broke a guarantee, 3 when a ladder has no reference to stand on. */
function exitCodeOf({ ladders }: Pick<LadderResult, "ladders">): ExitCode {
  const rungs = ladders.flatMap((ladder) => ladder.rungs);
  if (!rungs.every(({ history }) => isClean(history))) return EXIT.invalid;
  const references = rungs.filter((rung) => rung.kind === "reference");
  return references.every((rung) => rung.valid) ? EXIT.ok : EXIT.inconclusive;
}

function put(dir: string, name: string, content: string): string {
  const file = join(dir, name);
  writeWholeFile(file, content);
  return file;
}

function fixes(text: string): Fix[] {
  const names = commaList(text);
  const unknown = names.filter((name) => !isFix(name));
  if (names.length === 0 || unknown.length > 0)
    throw new InvalidArgumentError("give fixes from C1 to C11, for instance C1,C3.");
  return [...new Set(names.filter(isFix))];
}
