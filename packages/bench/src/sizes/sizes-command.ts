/** `bench sizes`: which hub loses capacity as its table ages and its fleet grows, and which keeps it. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { type HubSpec, parseHubId } from "../drivers/index.ts";
import { failOn, failureLines } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { FSYNC_FLOOR } from "../fsync-floor-option.ts";
import { noIsolation, openCpuIsolation } from "../isolation/cpu-quota.ts";
import { LADDER_SLO } from "../ladder/ladder-command.ts";
import { machineShareOf } from "../ladder/machine-share.ts";
import { ProcessCare, readEnvironment } from "../machine/index.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { isClean } from "../results/history.ts";
import { loadWorkload } from "../workload/workload.ts";
import { type SeriesPlan, type SeriesResult, SIZES_SCHEMA, type SizesResult } from "./size-series.ts";
import { renderSizes } from "./sizes-report.ts";
import { runSeries } from "./sizes-run.ts";
import { wholeNumberFrom } from "../option-values.ts";

interface SizesOptions {
  hubs: string[];
  rows?: number[];
  agents?: number[];
  rounds: number;
  isolation: "auto" | "none";
  fsyncFloorMs: number;
  seed: number;
  json: boolean;
  progress: boolean;
}

/** The reference cannot well be asked for more rows: at 100,000 a single pass takes most of a second, and a task takes three. */
const ROWS = { reference: [0, 1_000, 5_000], others: [0, 100_000] };
const AGENTS = [10, 200];
/** What does not grow in a series. No rows under a growing fleet, since the scan of them would hide what the agents cost. */
const FIXED = { agents: 50, completedRows: 0 };

export function addSizesCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("sizes")
    .description("what capacity becomes as completed rows and agents grow, sizes in turn within one run")
    .option("--hubs <ids>", "hub ids, separated by commas", list, ["single-reference", "single-tuned"])
    .option("--rows <list>", "completed rows; default: 0,1000,5000 for the reference, 0,100000 for others", counts)
    .option("--agents <list>", "agents; default: 10,200", fleets)
    .option("--rounds <n>", "of each size", wholeNumberFrom(3, 1_000), 8)
    .addOption(
      new Option("--isolation <kind>", "give each hub the same share of a core").choices(["auto", "none"]).default("auto"),
    )
    .option(...FSYNC_FLOOR)
    .option("--seed <n>", "for arrivals and resampling", wholeNumberFrom(0, 999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the tables", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: SizesOptions) => end(await sizesCommand(options, surroundings)));
}

export async function sizesCommand(options: SizesOptions, { stdout, stderr, env }: Surroundings): Promise<ExitCode> {
  const fail = failOn(stderr);
  const plans: (SeriesPlan & { spec: HubSpec })[] = [];
  for (const id of options.hubs) {
    const parsed = parseHubId(id);
    if (!parsed.ok) return fail(EXIT.usage, parsed.problem);
    if (parsed.spec.kind === "external")
      return fail(EXIT.usage, "an external hub cannot be given a past; name hubs of this project");
    plans.push(...seriesOf(id, parsed.spec, options));
  }
  const file = loadWorkload("steady");
  if (!file.ok) return fail(EXIT.error, file.problems.join("; "));

  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  const startedAt = new Date();
  const startMs = performance.now();
  try {
    const isolation =
      options.isolation === "none" ? noIsolation("switched off with --isolation none") : openCpuIsolation(process.pid);
    care.atEnd(() => isolation.close());
    const quotas = isolation.kind !== "none";
    const environment = readEnvironment({
      dataFolder: care.temporaryFolder("sizes"),
      sourceFolder: fileURLToPath(new URL("..", import.meta.url)),
    });
    const share = machineShareOf({ cpus: environment.cpuLimitCores ?? environment.cpus, quotas });
    const coresPerHub = quotas ? share.coresPerHub : null;
    const series: SeriesResult[] = [];
    for (const [i, plan] of plans.entries()) {
      series.push(
        await runSeries(plan, {
          ...options,
          care,
          isolation,
          coresPerHub,
          hubsAtOnce: share.hubsAtOnce,
          sources: serverSourcesOf(env),
          workload: file.workload,
          slo: LADDER_SLO,
          at: (doing) => progress.at(i / plans.length, doing),
          tell: (line) => progress.say(line),
          nowMs: () => performance.now(),
          sleep: (ms) => sleep(ms),
        }),
      );
    }
    progress.done();
    const result: SizesResult = {
      schema: SIZES_SCHEMA,
      startedAt: startedAt.toISOString(),
      wallSeconds: (performance.now() - startMs) / 1000,
      seed: options.seed,
      rounds: options.rounds,
      isolation: { kind: isolation.kind, how: isolation.how, coresPerHub },
      hubsAtOnce: share.hubsAtOnce,
      environment: { ...environment, ...(options.fsyncFloorMs > 0 && { fsyncFloorMs: options.fsyncFloorMs }) },
      series,
    };
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderSizes(result)}\n`);
    const broken = series.flatMap(({ sizes }) => sizes).filter(({ history }) => !isClean(history));
    return broken.length > 0
      ? fail(EXIT.invalid, "a hub lost, doubled or wrongly accepted a task; see history with --json")
      : EXIT.ok;
  } catch (error) {
    progress.done();
    // What fails because the program was told to end is no failure worth telling.
    return care.ending ? EXIT.error : fail(EXIT.error, ...failureLines(error));
  } finally {
    await care.close();
  }
}

function seriesOf(hub: string, spec: HubSpec, options: SizesOptions): (SeriesPlan & { spec: HubSpec })[] {
  const isReference = spec.kind === "single" && spec.profile === "reference";
  const rows = options.rows ?? (isReference ? ROWS.reference : ROWS.others);
  const agents = options.agents ?? AGENTS;
  const plans: (SeriesPlan & { spec: HubSpec })[] = [
    { hub, spec, grows: "completed rows", points: rows.map((completedRows) => ({ agents: FIXED.agents, completedRows })) },
    { hub, spec, grows: "agents", points: agents.map((count) => ({ agents: count, completedRows: FIXED.completedRows })) },
  ];
  return plans.filter(({ points }) => points.length > 1);
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
}

function counts(text: string): number[] {
  return list(text).map(wholeNumberFrom(0, 1_000_000));
}

function fleets(text: string): number[] {
  return list(text).map(wholeNumberFrom(1, 10_000));
}
