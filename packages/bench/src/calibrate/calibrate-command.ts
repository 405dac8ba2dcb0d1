/** `bench calibrate dets`: how far the twin's table is from the DETS that it stands for, on the disk at hand. */
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeWholeFile } from "@hubscale/hub-runtime/files";
import { type Command, InvalidArgumentError } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare, readEnvironment } from "../machine/index.ts";
import { commaList, wholeNumber, wholeNumbers } from "../option-values.ts";
import { findErlang, serverSourcesOf } from "../provisioning/index.ts";
import { readRecord } from "./calibration-file.ts";
import { renderCalibration } from "./calibration-report.ts";
import { calibrateDets } from "./dets-calibration.ts";

export interface CalibrateOptions {
  out: string;
  /** Whose disk is meant; default: where the hubs' data would be. */
  dir?: string;
  rows: number[];
  taskRate: number[];
  rounds: number;
  seed: number;
  progress: boolean;
}

const DEFAULT_ROWS = [0, 1_000, 10_000, 50_000];
const DEFAULT_TASK_RATES = [0.1, 1, 10];
const DEFAULT_ROUNDS = 10;
/** On a disk that takes 5 ms a sync the default rounds would take minutes. */
const TIME_LIMIT_MS = 75_000;

export function addCalibrateCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
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
    .action(async (options) => end(await calibrateCommand(options, surroundings)));
}

async function calibrateCommand(options: CalibrateOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr, env, cwd } = surroundings;
  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  const tell = (line: string) => progress.say(`calibrate: ${line}`);
  try {
    const out = resolve(cwd, options.out);
    mkdirSync(dirname(out), { recursive: true });
    const folder = care.temporaryFolder("calibrate", options.dir === undefined ? undefined : resolve(cwd, options.dir));
    const found = await findErlang({ care, sources: serverSourcesOf(env), tell });
    const calibration = await calibrateDets({
      ...options,
      care,
      folder,
      erlang: found.ok
        ? { program: found.erlang }
        : { missing: `${found.refusal.message}; ${found.refusal.nextStep}`, recorded: readRecord() },
      taskRates: options.taskRate,
      timeLimitMs: TIME_LIMIT_MS,
      environment: {
        ...readEnvironment({ dataFolder: folder, sourceFolder: fileURLToPath(new URL("..", import.meta.url)) }),
      },
      startedAt: new Date(),
      nowMs: () => performance.now(),
      tell,
    });
    writeWholeFile(out, `${JSON.stringify(calibration, null, 2)}\n`);
    progress.done();
    stdout.write(`${renderCalibration(calibration)}\n\nwrote ${out}\n`);
    return EXIT.ok;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
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
