/** Options that the commands which measure a hub have in common. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { FSYNC_FLOOR } from "../fsync-floor-option.ts";
import { coreShare, slo, wholeNumber } from "../option-values.ts";

/** A hub that runs already. */
export function withExternal(command: Command): Command {
  return command
    .option("--target <url>", "a hub that runs already: its WebSocket address, ws://host:port/ws (hub id external)")
    .option("--http <url>", "its HTTP address; default: the host and port of --target")
    .option("--pid <list>", "its processes, where they are on this machine, so that their CPU is known", pids)
    .option("--token-file <file>", "keep the agents' tokens there, to come back as the same agents");
}

/** One hub, and all that decides how it is measured. */
export function withOneHub(command: Command): Command {
  return withMeasuring(command.option("--hub <id>", "hub id; default: single-tuned, or external with --target"));
}

/** Started by us or running already, and how it is measured. */
export function withMeasuring(command: Command): Command {
  return withExternal(command)
    .option("--workload <name|file>", "a shipped workload or a YAML file", "steady")
    .option("--slo <bound>", "overrides the workload's, for instance 'assign.p99 < 100ms'", slo)
    .addOption(
      new Option("--durability <level>", "what an acknowledgement must survive").choices(["fsync", "process"]).default("fsync"),
    )
    .addOption(
      new Option("--isolation <kind>", "give each machine of a hub the same share of a core")
        .choices(["auto", "cgroup", "none"])
        .default("auto"),
    )
    .option("--cores <share>", "that share, in cores; default: as much as fits", coreShare)
    .option(...FSYNC_FLOOR)
    .option("--hosts <file>", "on which machines the parts run, each with a bench worker (docs/hosts.md)")
    .option("--seed <n>", "for arrivals, work times and resampling", wholeNumber, 1)
    .option("--json", "print the result as JSON on stdout instead of the table", false)
    .option("--no-progress", "no progress on stderr");
}

export function hubIdOf({ hub, target }: { hub?: string; target?: string }): string {
  return hub ?? (target === undefined ? "single-tuned" : "external");
}

function pids(text: string): number[] {
  const list = text.split(",").map(Number);
  if (!list.every((pid) => Number.isInteger(pid) && pid > 0))
    throw new InvalidArgumentError("give process ids, for instance 4711,4712.");
  return list;
}
