/** `bench bytes`: what a task moves over which network, and how many agents a line carries. */
import { type Command, InvalidArgumentError } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare } from "../machine/index.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { loadWorkload } from "../workload/workload.ts";
import { AGENTS, countBytes } from "./byte-count.ts";
import { renderBytes } from "./bytes-report.ts";
import { BYTES_SCHEMA, type BytesResult } from "./bytes-schema.ts";
import { lineDemands } from "./uplink-table.ts";

export interface BytesCommandOptions {
  workload: string;
  rounds: number;
  timeScale: number;
  seed: number;
  json: boolean;
  progress: boolean;
}

export function addBytesCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("bytes")
    .description("bytes of a task to hub, Ollama and API, counted on the stubs, and agents per uplink")
    .option("--workload <name|file>", "whose tiers; constant sizes need few tasks", "mean-task")
    .option(
      "--rounds <n>",
      `tasks of each of the ${AGENTS} agents in each tier; ten times as many trivial ones`,
      number(1, 1_000),
      2,
    )
    .option(
      "--time-scale <x>",
      "times faster than life; much more than 2 makes progress frames larger and fewer",
      number(1, 100),
      2,
    )
    .option("--seed <n>", "of the tasks", number(0, 999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the tables", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: BytesCommandOptions) => end(await bytesCommand(options, surroundings)));
}

export async function bytesCommand(options: BytesCommandOptions, { stdout, stderr, env }: Surroundings): Promise<ExitCode> {
  const loaded = loadWorkload(options.workload);
  const problems = loaded.ok ? [] : loaded.problems;
  const mix = loaded.ok ? loaded.mix : undefined;
  if (loaded.ok && !(mix?.trivial && mix.standard && mix.complex)) {
    problems.push(`${options.workload}: needs the tiers trivial, standard and complex`);
  }
  if (!loaded.ok || !mix || problems.length > 0) {
    for (const problem of problems) stderr.write(`hubscale: ${problem}\n`);
    return EXIT.usage;
  }
  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  try {
    const { task } = loaded.workload;
    const { timeScale, seed, rounds } = options;
    const count = await countBytes({
      mix,
      size: { descriptionChars: task.description_chars, metadataBytes: task.metadata_bytes },
      tasks: { trivial: 10 * rounds * AGENTS, standard: rounds * AGENTS, complex: rounds * AGENTS },
      timeScale,
      seed,
      care,
      sources: serverSourcesOf(env),
      at: (share, doing) => progress.at(share, doing),
      tell: (line) => progress.say(line),
    });
    progress.done();
    const result: BytesResult = { schema: BYTES_SCHEMA, seed, timeScale, count, lines: lineDemands(count) };
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderBytes(result)}\n`);
    return EXIT.ok;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
}

function number(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`give a number from ${low} to ${high}.`);
    return value;
  };
}
