/** `bench analysis DIR`: the written analysis of the results in a folder. */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Command } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { renderAnalysis } from "./analysis.ts";
import { readResultFolder } from "./result-folder.ts";

export interface AnalysisOptions {
  out?: string;
}

type Around = Pick<Surroundings, "stdout" | "stderr" | "cwd">;

export function addAnalysisCommand(program: Command, surroundings: Around, end: (code: ExitCode) => void): void {
  program
    .command("analysis")
    .description("the written analysis of results in a folder, every figure with the field that it is from")
    .argument(
      "<dir>",
      "with results.json, ladder.json, bytes.json, gpu.json, fleet.json, stubs.json, faults.json, or some of them",
    )
    .option("--out <file>", "where it goes; default: stdout")
    .action((dir: string, options: AnalysisOptions) => end(analysisCommand(dir, options, surroundings)));
}

export function analysisCommand(dir: string, { out }: AnalysisOptions, { stdout, stderr, cwd }: Around): ExitCode {
  const read = readResultFolder(dir);
  if (!read.ok) {
    for (const problem of read.problems) stderr.write(`hubscale: ${problem}\n`);
    return EXIT.usage;
  }
  const text = renderAnalysis(read.folder, relative(cwd, dir) || ".");
  if (out === undefined) {
    stdout.write(text);
    return EXIT.ok;
  }
  try {
    writeFileSync(out, text);
  } catch (error) {
    stderr.write(`hubscale: cannot write ${out}: ${(error as Error).message}\n`);
    return EXIT.usage;
  }
  stderr.write(`wrote ${out}\n`);
  return EXIT.ok;
}
