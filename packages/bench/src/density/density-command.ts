/** `bench density`: what a simulated sidecar costs the machine, beside a general load tool. */
import { type Command, Option } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare } from "../machine/index.ts";
import { ARTILLERY, artilleryIn } from "./artillery.ts";
import { DENSITY_LOADS, type DensityLoad } from "./density-load.ts";
import { densityResult, renderDensity } from "./density-report.ts";
import { measureDensity } from "./density-run.ts";
import { wholeNumberFrom } from "../option-values.ts";

export interface DensityCommandOptions {
  load: DensityLoad | "both";
  connections: number;
  frames: number;
  windowS: number;
  rounds: number;
  only: "both" | "sidecars";
  artillery?: string;
  seed: number;
  json: boolean;
  progress: boolean;
}

export function addDensityCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("density")
    .description(`memory and CPU of a simulated sidecar, beside ${ARTILLERY} (npm installs it into a temporary folder)`)
    .addOption(
      new Option("--load <which>", "a ping and a pong again and again, or tasks as a hub hands them out")
        .choices([...DENSITY_LOADS, "both"])
        .default("both"),
    )
    .option("--connections <n>", "of each client", wholeNumberFrom(1, 15_000), 500)
    .option("--frames <n>", "a second, out of each connection; a task has two", wholeNumberFrom(1, 1_000), 20)
    .option("--window-s <s>", "over which CPU and frames are counted", wholeNumberFrom(1, 600), 8)
    .option("--rounds <n>", "of each client, in turn", wholeNumberFrom(2, 100), 3)
    .addOption(new Option("--only <which>", "leave the other tool out").choices(["both", "sidecars"]).default("both"))
    .option("--artillery <dir>", "a folder in which it is installed already")
    .option("--seed <n>", "for resampling", wholeNumberFrom(0, 999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the table", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: DensityCommandOptions) => end(await densityCommand(options, surroundings)));
}

/** 4 when a client lost connections: those that are gone cost nothing. */
export async function densityCommand(options: DensityCommandOptions, { stdout, stderr, env }: Surroundings): Promise<ExitCode> {
  const { connections, frames: framesPerSec, windowS, rounds, seed } = options;
  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  try {
    const folder = care.temporaryFolder("density");
    const isAlone = options.only === "sidecars";
    if (!isAlone && options.artillery === undefined) progress.at(0, `npm installs ${ARTILLERY}`);
    const artillery = isAlone ? null : await artilleryIn(folder, { care, env, installed: options.artillery });
    const at = (share: number, doing: string) => progress.at(share, doing);
    const trials = await measureDensity({
      care,
      env,
      folder,
      loads: options.load === "both" ? DENSITY_LOADS : [options.load],
      connections,
      framesPerSec,
      windowMs: windowS * 1_000,
      rounds,
      artillery,
      at,
    });
    progress.done();
    const result = densityResult(trials, { seed, connections, framesPerSec });
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderDensity(result)}\n`);
    const poorest = Math.min(...trials.map((trial) => trial.connections));
    if (poorest >= connections) return EXIT.ok;
    stderr.write(`hubscale: a client had only ${poorest} of ${connections} connections at the end\n`);
    return EXIT.invalid;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
}
