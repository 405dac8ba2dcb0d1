/** `bench diff A B`: whether two runs differ by more than chance. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type ReportStreams, readResult } from "../results/stored-result.ts";
import { renderDiff } from "./diff-report.ts";
import { diffOf, type ResultDiff } from "./result-diff.ts";

export interface DiffCommandOptions {
  force: boolean;
  /** A share: 0.05 is 5 %. */
  margin: number;
  failOn?: "worse" | "any";
  json: boolean;
}

export function addDiffCommand(program: Command, streams: ReportStreams, end: (code: ExitCode) => void): void {
  program
    .command("diff")
    .description("set one run against another: per hub and metric a ratio with its interval, or 'no difference'")
    .argument("<a>", "the folder of a run, or its results.json")
    .argument("<b>", "the other run, for instance after a change")
    .option("--force", "compare although the machines or conditions differ", false)
    .option("--margin <percent>", "differences up to this size are not told", margin, 0.05)
    .addOption(
      new Option("--fail-on <what>", "end with 99 when B is worse, or when anything differs").choices(["worse", "any"]),
    )
    .option("--json", "print the diff as JSON on stdout instead of the table", false)
    .action((a: string, b: string, options: DiffCommandOptions) => end(diffCommand(a, b, options, streams)));
}

/** 0: compared, whatever was found. 3: incomparable, or no hub in both. 4: a hub of both is invalid in one. 99: see `--fail-on`. */
export function diffCommand(
  pathA: string,
  pathB: string,
  options: DiffCommandOptions,
  { stdout, stderr }: ReportStreams,
): ExitCode {
  const [a, b] = [readResult(pathA), readResult(pathB)];
  for (const read of [a, b]) if (!read.ok) stderr.write(`hubscale: ${read.problem}\n`);
  if (!a.ok || !b.ok) return EXIT.usage;
  const diff = diffOf(a.result, b.result, { paths: { a: pathA, b: pathB }, ...options });
  stdout.write(options.json ? `${JSON.stringify(diff)}\n` : `${renderDiff(diff)}\n`);
  return exitCodeOf(diff, options.failOn);
}

export function exitCodeOf(diff: ResultDiff, failOn?: DiffCommandOptions["failOn"]): ExitCode {
  if (diff.verdict === "not comparable") return EXIT.inconclusive;
  if (diff.left.length > 0) return EXIT.invalid;
  if (diff.verdict === "nothing to compare") return EXIT.inconclusive;
  const fails = diff.metrics.some(({ worth }) => worth === "worse" || (failOn === "any" && worth === "better"));
  return failOn !== undefined && fails ? EXIT.thresholdMissed : EXIT.ok;
}

function margin(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 100)) throw new InvalidArgumentError("give per cent from 0 to 100.");
  return value / 100;
}
