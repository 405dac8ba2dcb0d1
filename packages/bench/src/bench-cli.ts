/** `pnpm bench …`: the commands and their options. What they do is elsewhere. */
import { basename } from "node:path";
import { type Fix, isFix } from "@hubscale/hub-single";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { addAnalysisCommand } from "./analysis/analysis-command.ts";
import { BENCH_VERSION } from "./bench-version.ts";
import { addBytesCommand } from "./bytes/bytes-command.ts";
import { calibrateCommand, DEFAULT_ROUNDS, DEFAULT_ROWS, DEFAULT_TASK_RATES } from "./calibrate/calibrate-command.ts";
import { compareCommand } from "./compare/compare-command.ts";
import { EFFORTS } from "./compare/effort.ts";
import { withMeasuring } from "./compare/hub-options.ts";
import { addLinearityCommand } from "./compare/linearity-command.ts";
import { addRunCommand } from "./compare/run-command.ts";
import { addSearchCommand } from "./compare/search-command.ts";
import { addConformanceCommand } from "./conformance/conformance-command.ts";
import { addConnectionsCommand } from "./connections/connections-command.ts";
import { addDensityCommand } from "./density/density-command.ts";
import { addDiffCommand } from "./diff/diff-command.ts";
import { addDoctorCommand } from "./doctor/doctor-command.ts";
import { addEnginesCommand } from "./engines/engines-command.ts";
import { EXIT } from "./exit-codes.ts";
import { addFaultsCommand } from "./faults/faults-command.ts";
import { addFleetCommand } from "./fleet/fleet-command.ts";
import { FSYNC_FLOOR } from "./fsync-floor-option.ts";
import { addWorkerCommand } from "./hosts/worker-command.ts";
import { addGpuCommand } from "./gpu-sharing/gpu-command.ts";
import { LADDER_SLO, ladderCommand } from "./ladder/ladder-command.ts";
import { LADDER_EFFORTS } from "./ladder/ladder-effort.ts";
import { commaList, coreShare, slo, wholeNumber, wholeNumberFrom, wholeNumbers } from "./option-values.ts";
import { addPrimitivesCommand } from "./primitives/primitives-command.ts";
import { addProfileCommand } from "./profile/profile-command.ts";
import { addReportCommand } from "./report/report-command.ts";
import { addSizesCommand } from "./sizes/sizes-command.ts";

/** As it was called: `pnpm bench` in a checkout, `npx hubscale` where it is installed. */
const calledAs = basename(process.argv[1] ?? "").startsWith("hubscale") ? "hubscale" : "bench";

const program = new Command(calledAs)
  .description("Measures when a task hub for LLM agents should be repaired, given machines, or distributed.")
  .version(BENCH_VERSION)
  .showHelpAfterError("(--help shows all options)")
  .showSuggestionAfterError()
  .exitOverride();

withMeasuring(program.command("compare"))
  .description("measure hubs against each other and say what to do (the main job)")
  .addOption(new Option("--effort <name>", "how much time it may take").choices(Object.keys(EFFORTS)).default("quick"))
  .option("--hubs <ids>", "hub ids, separated by commas; default: those of the effort", commaList)
  .option("--shards <n>", "queue shards of the sharded hubs, 1 to 256; default: the program's own", wholeNumberFrom(1, 256))
  .option("--out <dir>", "where results.json, report.md and report.html go; default: hubscale-results/<time>")
  .option("--resume", "go on with the interrupted run in --out; refused when it was of another configuration", false)
  .option("--thresholds <file>", "bounds that the result must keep, or the run ends with 99 (docs/statistics.md)")
  .option("--calibration <file>", "for the prediction of the real hub, from bench calibrate dets; default: a recorded one")
  .action(async (options) => {
    process.exitCode = await compareCommand(options, {
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      cwd: process.cwd(),
    });
  });

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
  .action(async (options) => {
    process.exitCode = await ladderCommand(options, {
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      cwd: process.cwd(),
    });
  });

program
  .command("calibrate")
  .description("measure what the twin stands for beside what it is")
  .command("dets")
  .description("real DETS (Erlang) beside the twin's table and the bare disk")
  .option("--out <file>", "where the calibration goes", "calibration.json")
  .option("--dir <dir>", "a folder on the disk that is meant; default: a temporary folder")
  .option("--rows <list>", "table sizes, separated by commas", wholeNumbers, DEFAULT_ROWS)
  .option("--task-rate <list>", "tasks per second for which to say when a DETS file is full", rates, DEFAULT_TASK_RATES)
  .option("--rounds <n>", "repeats, in turn; fewer when the time is over", rounds, DEFAULT_ROUNDS)
  .option("--seed <n>", "for lookups and resampling", wholeNumber, 1)
  .option("--no-progress", "no progress on stderr")
  .action(async (options) => {
    process.exitCode = await calibrateCommand(options, {
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      cwd: process.cwd(),
    });
  });

const surroundings = { stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd() };
const end = (code: number) => {
  process.exitCode = code;
};
addRunCommand(program, surroundings, end);
addSearchCommand(program, surroundings, end);
addLinearityCommand(program, surroundings, end);
addConformanceCommand(program, surroundings, end);
addPrimitivesCommand(program, surroundings, end);
addEnginesCommand(program, surroundings, end);
addConnectionsCommand(program, surroundings, end);
addDensityCommand(program, surroundings, end);
// At once: Node 20 may spin for ever in its own clean-up of handles (CleanupHandles) after connections were reset.
addFaultsCommand(program, surroundings, (code) => process.exit(code));
addFleetCommand(program, surroundings, end);
addSizesCommand(program, surroundings, end);
addDiffCommand(program, surroundings, end);
addDoctorCommand(program, surroundings, end);
addProfileCommand(program, surroundings, end);
addReportCommand(program, surroundings, end);
addAnalysisCommand(program, surroundings, end);
addGpuCommand(program, surroundings, end);
addBytesCommand(program, surroundings, end);
addWorkerCommand(program, surroundings, end);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}

function fixes(text: string): Fix[] {
  const names = commaList(text);
  const unknown = names.filter((name) => !isFix(name));
  if (names.length === 0 || unknown.length > 0)
    throw new InvalidArgumentError("give fixes from C1 to C11, for instance C1,C3.");
  return [...new Set(names.filter(isFix))];
}

function rounds(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError("give 1 or more; an interval needs 3.");
  return value;
}

function rates(text: string): number[] {
  const values = commaList(text).map(Number);
  if (values.length > 0 && values.every((value) => value > 0 && value <= 1e6)) return values;
  throw new InvalidArgumentError("give tasks per second, for instance 0.5,2.");
}
