/** `bench engines`: how much of the engine's own rate is left when a hub is around it. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { MAX_NODES, MAX_SERVERS, shardsFor } from "../drivers/index.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { noIsolation, openCpuIsolation } from "../isolation/cpu-quota.ts";
import { ProcessCare } from "../machine/index.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import type { EngineKind } from "./raw-engine.ts";
import { renderEngines } from "./engines-report.ts";
import { runEngines } from "./engines-run.ts";
import { wholeNumberFrom } from "../option-values.ts";

export interface EnginesCommandOptions {
  backbone: EngineKind;
  nodes: number;
  backboneServers: number;
  shards?: number;
  durability: "fsync" | "process";
  /** 0: no quota. */
  cores: number;
  repeats: number;
  seed: number;
  json: boolean;
  progress: boolean;
}

/** With 7 the command is done in about 90 s on two cores. */
const DEFAULT_REPEATS = 7;
/** So little that two hub nodes beside it on two cores are not what binds. */
const DEFAULT_SERVER_CORES = 0.2;

export function addEnginesCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("engines")
    .description("the raw rate of the sharded hub's engine beside the hub's, in turn on the same server")
    .addOption(new Option("--backbone <kind>", "of the sharded hub").choices(["redis", "nats"]).default("redis"))
    .option("--nodes <n>", `hub nodes, 1 to ${MAX_NODES}`, wholeNumberFrom(1, MAX_NODES), 2)
    .option("--backbone-servers <n>", `1 to ${MAX_SERVERS}`, wholeNumberFrom(1, MAX_SERVERS), 1)
    .option(
      "--shards <n>",
      "queue shards of the hub, 1 to 64; as many streams of a raw JetStream (default: 4)",
      wholeNumberFrom(1, 64),
    )
    .addOption(
      new Option("--durability <level>", "what an acknowledgement survives").choices(["fsync", "process"]).default("fsync"),
    )
    .option("--cores <share>", "of a core for each server, so that it binds; 0: no quota", share, DEFAULT_SERVER_CORES)
    .option("--repeats <n>", "of both, in turn", wholeNumberFrom(2, 1_000), DEFAULT_REPEATS)
    .option("--seed <n>", "for the tasks and resampling", wholeNumberFrom(0, 999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the table", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: EnginesCommandOptions) => end(await enginesCommand(options, surroundings)));
}

export async function enginesCommand(options: EnginesCommandOptions, { stdout, stderr, env }: Surroundings): Promise<ExitCode> {
  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  const isolation = options.cores > 0 ? openCpuIsolation(process.pid) : noIsolation("switched off with --cores 0");
  care.atEnd(() => progress.done());
  care.atEnd(() => isolation.close());
  try {
    if (isolation.kind === "none" && options.cores > 0) progress.say(`no CPU quota for the servers: ${isolation.how}`);
    const result = await runEngines({
      care,
      sources: serverSourcesOf(env),
      isolation,
      serverCores: isolation.kind === "none" ? null : options.cores,
      backbone: options.backbone,
      nodes: options.nodes,
      servers: options.backboneServers,
      shards: options.shards ?? shardsFor(options.backboneServers),
      durability: options.durability,
      repeats: options.repeats,
      seed: options.seed,
      at: (share, doing) => progress.at(share, doing),
      tell: (line) => progress.say(line),
    });
    progress.done();
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderEngines(result)}\n`);
    return result.clean ? EXIT.ok : EXIT.invalid;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && (value === 0 || (value >= 0.1 && value <= 64))) return value;
  throw new InvalidArgumentError("give a share of a core from 0.1 to 64, or 0.");
}
