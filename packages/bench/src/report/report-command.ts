/** `bench report DIR`: a finished run once more, as a table, as files, as JSON, or against thresholds. */
import { dirname } from "node:path";
import type { Command } from "commander";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { comparedFleet } from "../fleet/compared-fleet.ts";
import { readLadder } from "../ladder/ladder-file.ts";
import { exitCodeOf } from "../results/exit-code.ts";
import { type ReportStreams, readResult } from "../results/stored-result.ts";
import { checkThresholds, renderChecks } from "../thresholds/threshold-check.ts";
import { loadThresholds } from "../thresholds/threshold-file.ts";
import { writeReport } from "./report-files.ts";
import { summarise } from "./summary.ts";
import { renderTerminal } from "./terminal.ts";

export interface ReportOptions {
  thresholds?: string;
  ladder?: string;
  json: boolean;
}

export function addReportCommand(program: Command, streams: ReportStreams, end: (code: ExitCode) => void): void {
  program
    .command("report")
    .description("write the reports of a finished run anew")
    .argument("<dir>", "the folder of the run, or its results.json")
    .option("--thresholds <file>", "bounds that the result must keep, or the command ends with 99 (docs/statistics.md)")
    .option("--ladder <file>", "a ladder.json: its fixes enter the fleet's decision, its charts the report")
    .option("--json", "print the result as JSON on stdout instead of the table", false)
    .action((dir: string, options: ReportOptions) => end(reportCommand(dir, options, streams)));
}

/** Ends as the run itself did, so that a pipeline may ask later. */
export function reportCommand(path: string, options: ReportOptions, { stdout, stderr }: ReportStreams): ExitCode {
  const read = readResult(path);
  if (!read.ok) {
    stderr.write(`hubscale: ${read.problem}\n`);
    return EXIT.usage;
  }
  const bounds = options.thresholds === undefined ? undefined : loadThresholds(options.thresholds);
  if (bounds && !bounds.ok) {
    for (const problem of bounds.problems) stderr.write(`hubscale: ${problem}\n`);
    return EXIT.usage;
  }
  const ladder = options.ladder === undefined ? undefined : readLadder(options.ladder);
  if (ladder && !ladder.ok) {
    stderr.write(`hubscale: ${ladder.problem}\n`);
    return EXIT.usage;
  }
  const withLadder = ladder ? { ...read.result, ladder: ladder.ladder } : read.result;
  const result = {
    ...withLadder,
    // The model may be newer than the result.
    ...comparedFleet(withLadder),
    ...(bounds && { thresholds: checkThresholds(bounds.thresholds, withLadder) }),
  };
  const files = writeReport(path.endsWith(".json") ? dirname(path) : path, result);
  stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderTerminal(summarise(result))}\n\n`);
  for (const line of renderChecks(result.thresholds ?? [])) stderr.write(`${line}\n`);
  stderr.write(`wrote ${files.markdown} and ${files.html}\n`);
  return exitCodeOf(result);
}
