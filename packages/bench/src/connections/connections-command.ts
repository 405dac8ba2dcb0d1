/** `bench connections`: what agents cost that are merely there, and what it costs when they come. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare } from "../machine/index.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { type ConnectionsResult, renderConnections } from "./connections-report.ts";
import { measureIdleAgents } from "./idle-agents.ts";
import { measureJoins } from "./joins.ts";
import { wholeNumberFrom } from "../option-values.ts";

export interface ConnectionsCommandOptions {
  agents: number;
  windows: number;
  joins: number[];
  repeats: number;
  part: "both" | "idle" | "joins";
  seed: number;
  json: boolean;
  progress: boolean;
}

export function addConnectionsCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("connections")
    .description("memory and CPU for many idle agents on the tuned hub, and what N joins cost")
    .option("--agents <n>", "idle agents", wholeNumberFrom(5, 100_000), 10_000)
    .option("--windows <n>", "of 30 s each, over which their heartbeats are measured", wholeNumberFrom(1, 1_000), 3)
    .option("--joins <list>", "numbers of agents that join, separated by commas", sizes, [50, 100, 200, 400])
    .option("--repeats <n>", "of each number of joins, in turn", wholeNumberFrom(2, 1_000), 5)
    .addOption(new Option("--part <which>", "measure this part only").choices(["both", "idle", "joins"]).default("both"))
    .option("--seed <n>", "for heartbeats and resampling", wholeNumberFrom(0, 999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the tables", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: ConnectionsCommandOptions) => end(await connectionsCommand(options, surroundings)));
}

/** 4 when the hub lost idle agents: a connection that is not kept costs nothing, and the figures would flatter it. */
export async function connectionsCommand(
  options: ConnectionsCommandOptions,
  { stdout, stderr, env }: Surroundings,
): Promise<ExitCode> {
  const { agents, windows, joins, repeats, part, seed } = options;
  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  const run = (from: number, to: number) => ({
    care,
    sources: serverSourcesOf(env),
    seed,
    at: (share: number, doing: string) => progress.at(from + share * (to - from), doing),
    tell: (line: string) => progress.say(line),
  });
  try {
    const divide = part === "both" ? JOINS_SHARE : part === "joins" ? 1 : 0;
    const result: ConnectionsResult = {
      schema: "hubscale.connections/1",
      seed,
      joins: part === "idle" ? null : await measureJoins({ ...run(0, divide), sizes: joins, repeats }),
      idle: part === "joins" ? null : await measureIdleAgents({ ...run(divide, 1), agents, windows }),
    };
    progress.done();
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderConnections(result)}\n`);
    if (result.idle && result.idle.online < agents) {
      stderr.write(`hubscale: ${agents - result.idle.online} of ${agents} agents were not connected at the end\n`);
      return EXIT.invalid;
    }
    return EXIT.ok;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
}

/** Of the time that both parts take with the defaults. */
const JOINS_SHARE = 0.3;

function sizes(text: string): number[] {
  const list = text.split(",").map((each) => wholeNumberFrom(2, 10_000)(each.trim()));
  if (new Set(list).size < 2)
    throw new InvalidArgumentError("give at least two different numbers, for instance 50,100,200,400.");
  return list;
}
