/** `bench conformance`: the shared cases against any hub by its URLs, whoever started it. */
import { readInputText } from "@hubscale/hub-runtime/files";
import { conformanceCases, runConformanceCase } from "@hubscale/hub-runtime/testing";
import type { Command } from "commander";
import type { Terminal } from "../compare/progress.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { hubLine, outcomeLines, reportOf, summaryLine } from "./conformance-report.ts";
import { casesAbout, casesByRow, rowsAsMarkdown } from "./conformance-rows.ts";
import { descriptionOf, obstacleAt, parseTarget } from "./conformance-target.ts";

export interface ConformanceCommandOptions {
  target?: string;
  http?: string;
  tokenFile?: string;
  only?: string;
  list: boolean;
  json: boolean;
}

interface Streams {
  stdout: Terminal;
  stderr: Terminal;
}

export function addConformanceCommand(program: Command, streams: Streams, end: (code: ExitCode) => void): void {
  program
    .command("conformance")
    .description("try a running hub against each row of the wire (docs/conformance.md)")
    .option("--target <url>", "its WebSocket URL, ws://host:port/ws")
    .option("--http <url>", "its HTTP URL; default: the same host and port")
    .option("--token-file <file>", "the operator's token, for a hub with --registration token")
    .option("--only <text>", "only cases whose row or name holds this text")
    .option("--list", "print the rows and their cases as Markdown, and try nothing", false)
    .option("--json", "print the outcomes as JSON on stdout", false)
    .action(async (options: ConformanceCommandOptions) => end(await conformanceCommand(options, streams)));
}

/** 0: all that applies has passed. 1: something differs, or the hub cannot be reached. 2: bad flags. */
export async function conformanceCommand(options: ConformanceCommandOptions, { stdout, stderr }: Streams): Promise<ExitCode> {
  const fail = (code: ExitCode, problem: string) => {
    stderr.write(`hubscale: ${problem}\n`);
    return code;
  };
  const cases = options.only === undefined ? conformanceCases : casesAbout(options.only, conformanceCases);
  if (cases.length === 0) return fail(EXIT.usage, `--only '${options.only}' fits no case; --list shows them`);
  if (options.list) {
    stdout.write(`${rowsAsMarkdown(cases)}\n`);
    return EXIT.ok;
  }
  if (options.target === undefined)
    return fail(EXIT.usage, "--target is missing: the hub's WebSocket URL, ws://127.0.0.1:4000/ws");
  const parsed = parseTarget(options.target, options.http);
  if (!parsed.ok) return fail(EXIT.usage, parsed.problem);
  const target = parsed.value;
  if (options.tokenFile !== undefined) {
    const read = readInputText(options.tokenFile);
    const token = read.ok ? read.text.trim() : "";
    if (!read.ok) return fail(EXIT.usage, `--token-file: ${read.problem}`);
    if (!/^[\x21-\x7e]+$/.test(token))
      return fail(EXIT.usage, `--token-file ${options.tokenFile}: must hold one token without spaces`);
    target.registrationToken = token;
  }
  const obstacle = await obstacleAt(target);
  if (obstacle !== undefined) return fail(EXIT.error, obstacle);

  const hub = await descriptionOf(target);
  const print = (...lines: string[]) => {
    if (!options.json) stdout.write(`${lines.join("\n")}\n`);
  };
  print(hubLine(target, hub), "");
  const startedAt = performance.now();
  const outcomes = [];
  for (const [row, ofRow] of casesByRow(cases)) {
    print(row);
    for (const each of ofRow) {
      const outcome = await runConformanceCase(each, target);
      outcomes.push(outcome);
      print(...outcomeLines(outcome));
      if (outcome.elapsedMs > LONG_MS)
        stderr.write(`hubscale: that took ${Math.round(outcome.elapsedMs / 1000)} s; ${SLOW_HINT}\n`);
    }
  }
  const report = reportOf(target, hub, outcomes, performance.now() - startedAt);
  if (options.json) stdout.write(`${JSON.stringify(report)}\n`);
  print("", summaryLine(report));
  return report.failed > 0 ? EXIT.error : EXIT.ok;
}

/** Cases end within this unless the hub makes them wait. */
const LONG_MS = 20_000;
const SLOW_HINT = "a hub with the reference's rate limits registers ten agents a minute, and the whole takes some 15 minutes";
