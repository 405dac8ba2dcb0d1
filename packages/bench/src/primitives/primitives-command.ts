/** `bench primitives`: what the parts of a hub cost, and how far the tuned hub is from their sum. */
import { type Command } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare } from "../machine/index.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { renderPrimitives } from "./primitives-report.ts";
import { runPrimitives } from "./primitives-run.ts";
import { wholeNumberFrom } from "../option-values.ts";

export interface PrimitivesCommandOptions {
  repeats: number;
  seed: number;
  json: boolean;
  progress: boolean;
}

/** With 9 the command is done in about 75 s on two cores. */
const DEFAULT_REPEATS = 9;

export function addPrimitivesCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("primitives")
    .description("what an HTTP request, a frame, JSON and a synced row cost, and the tuned hub against their sum")
    .option("--repeats <n>", "of everything, in turn", wholeNumberFrom(2, 1_000), DEFAULT_REPEATS)
    .option("--seed <n>", "for resampling", wholeNumberFrom(0, 999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the tables", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: PrimitivesCommandOptions) => end(await primitivesCommand(options, surroundings)));
}

export async function primitivesCommand(
  { repeats, seed, json, progress: shown }: PrimitivesCommandOptions,
  { stdout, stderr, env }: Surroundings,
): Promise<ExitCode> {
  const care = new ProcessCare({ handleSignals: true });
  const progress = shown ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  try {
    const result = await runPrimitives({
      care,
      sources: serverSourcesOf(env),
      repeats,
      seed,
      at: (share, doing) => progress.at(share, doing),
      tell: (line) => progress.say(line),
    });
    progress.done();
    stdout.write(json ? `${JSON.stringify(result)}\n` : `${renderPrimitives(result)}\n`);
    return EXIT.ok;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
}
