/** `bench analysis DIR`: the written analysis of the results in a folder. */
import { relative } from "node:path";
import { writeWholeFile } from "@hubscale/hub-runtime/files";
import type { Command } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { failOn } from "../failure-lines.ts";
import { evidenceInFolder } from "../fleet/hub-evidence-file.ts";
import { renderAnalysis } from "./analysis.ts";
import { readResultFolder } from "./result-folder.ts";

export interface AnalysisOptions {
  out?: string;
  evidence?: string;
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
    .option("--evidence <file>", "write there what bench fleet takes of the hubs where no result is named")
    .action((dir: string, options: AnalysisOptions) => end(analysisCommand(dir, options, surroundings)));
}

export function analysisCommand(dir: string, { out, evidence }: AnalysisOptions, { stdout, stderr, cwd }: Around): ExitCode {
  const fail = (...problems: string[]) => failOn(stderr)(EXIT.usage, ...problems);
  const read = readResultFolder(dir);
  if (!read.ok) return fail(...read.problems);
  const texts: { file: string; text: string }[] = [];
  if (evidence !== undefined) {
    const hubs = evidenceInFolder(dir);
    if (!hubs.ok) return fail(hubs.problem);
    texts.push({ file: evidence, text: `${JSON.stringify(hubs.evidence, null, 2)}\n` });
  }
  const page = renderAnalysis(read.folder, relative(cwd, dir) || ".");
  if (out === undefined) stdout.write(page);
  else texts.push({ file: out, text: page });
  for (const { file, text } of texts) {
    try {
      writeWholeFile(file, text);
    } catch (error) {
      return fail(`cannot write ${file}: ${(error as Error).message}`);
    }
    stderr.write(`wrote ${file}\n`);
  }
  return EXIT.ok;
}
