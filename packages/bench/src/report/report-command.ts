import { dirname } from "node:path";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readResult, type ReportStreams, writeReport } from "./report-files.ts";
import { summarise } from "./summary.ts";
import { renderTerminal } from "./terminal.ts";

/** `bench report DIR`: prints the table of a finished run and writes its reports anew. */
export function reportCommand(path: string, { stdout, stderr }: ReportStreams): ExitCode {
  const read = readResult(path);
  if (!read.ok) {
    stderr.write(`hubscale: ${read.problem}\n`);
    return EXIT.error;
  }
  const files = writeReport(path.endsWith(".json") ? dirname(path) : path, read.result);
  stdout.write(`${renderTerminal(summarise(read.result))}\n\nwrote ${files.markdown} and ${files.html}\n`);
  return EXIT.ok;
}
