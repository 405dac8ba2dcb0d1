/** `bench faults`: seeded, replayable faults happen to hubs at work; nothing acknowledged may be lost or done twice. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { DurabilityLevel } from "@hubscale/hub-runtime";
import { writeWholeFile } from "@hubscale/hub-runtime/files";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { formatHubId, parseHubId } from "../drivers/hub-id.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { ProcessCare, readEnvironment } from "../machine/index.ts";
import { serverSourcesOf } from "../provisioning/index.ts";
import { unwritable } from "../results/stored-result.ts";
import { applicable, drawPlan, FAULT_KINDS, type FaultKind, PLAIN_KINDS } from "./fault-plan.ts";
import { carryOut, DELAYED_MS, type FaultRun, type FaultWork, WORK } from "./fault-run.ts";
import { renderFaults, reproduction, runLine, tooSlow } from "./faults-report.ts";
import { renderFaultsPage } from "./faults-page.ts";
import { FAULTS_SCHEMA, type FaultsResult, summarised } from "./faults-result.ts";
import { type HarmableSpec, HubUnderFault, targetsOf, unavailableKinds, unharmable } from "./hub-under-fault.ts";

export interface FaultsCommandOptions {
  hubs: string[];
  seed: number;
  runs: number;
  leaseMs: number;
  kinds: FaultKind[];
  durability: DurabilityLevel;
  rate: number;
  maxRecoverySeconds?: number;
  out?: string;
  json: boolean;
  progress: boolean;
}

const DEFAULT_HUBS = ["single-tuned", "sharded-redis@2", "sharded-nats@2"];
/** So short that a run which waits for one takes seconds; a hub in use has 30 s. */
const DEFAULT_LEASE_MS = 1_500;

export function addFaultsCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("faults")
    .description("kill, stop, cut off and restart parts of hubs at work; count what is lost, doubled, delayed")
    .option("--hubs <ids>", "hub ids, separated by commas", commaList, DEFAULT_HUBS)
    .option("--seed <n>", "of the first run; each decides its plan of faults", wholeFrom(0, 999_999_999), 1)
    .option("--runs <n>", "of each hub, with seeds one after the other", wholeFrom(1, 10_000), 3)
    .option("--lease-ms <ms>", "of the sharded hubs", wholeFrom(500, 60_000), DEFAULT_LEASE_MS)
    .option("--kinds <list>", `what may happen, separated by commas, or all: ${FAULT_KINDS.join(", ")}`, kindList, [
      ...PLAIN_KINDS,
    ])
    .addOption(
      new Option("--durability <level>", "required of every store, and read back")
        .choices(["fsync", "process"])
        .default("fsync"),
    )
    .option("--rate <n>", "tasks a second", wholeFrom(1, 1_000), WORK.ratePerSec)
    .option(
      "--max-recovery-seconds <s>",
      "end with 99 when the upper end of a hub's median recovery is above it, or a fault was not recovered from",
      wholeFrom(1, 3_600),
    )
    .option("--out <dir>", "where faults.json and faults.html go; default: hubscale-results/faults-<time>")
    .option("--json", "print the result as JSON on stdout instead of lines and tables", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: FaultsCommandOptions) => end(await faultsCommand(options, surroundings)));
}

/** 4 when a hub broke a guarantee: the seed and the command that shows it again are told. */
export async function faultsCommand(
  options: FaultsCommandOptions,
  { stdout, stderr, env, cwd }: Surroundings,
): Promise<ExitCode> {
  const startedAt = new Date();
  const name = `faults-${startedAt.toISOString().replaceAll(":", "-").slice(0, 19)}`;
  const out = resolve(cwd, options.out ?? join("hubscale-results", name));
  const chosen = harmableHubs(options.hubs);
  const problems = chosen.ok ? [] : chosen.problems;
  if (chosen.ok) {
    for (const spec of chosen.specs) {
      if (applicable(options.kinds, targetsOf(spec)).length > 0) continue;
      problems.push(`nothing of --kinds ${options.kinds.join(",")} can happen to ${formatHubId(spec)}`);
    }
  }
  problems.push(...unavailableKinds(options.kinds));
  const cannotWrite = chosen.ok ? unwritable(out) : undefined;
  if (cannotWrite !== undefined) problems.push(`cannot write to ${out}: ${cannotWrite}`);
  for (const problem of problems) stderr.write(`hubscale: ${problem}\n`);
  if (!chosen.ok || problems.length > 0) return EXIT.usage;

  const care = new ProcessCare({ handleSignals: true });
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  care.atEnd(() => progress.done());
  try {
    const folder = care.temporaryFolder("disk");
    const environment = readEnvironment({ dataFolder: folder, sourceFolder: fileURLToPath(new URL("..", import.meta.url)) });
    const runs: FaultRun[] = [];
    const { leaseMs, seed: firstSeed, kinds, durability } = options;
    const work = { ...WORK, ratePerSec: options.rate };
    const resultOf = (): FaultsResult => ({
      schema: FAULTS_SCHEMA,
      startedAt: startedAt.toISOString(),
      environment,
      durability,
      leaseMs,
      kinds,
      work,
      delayedMs: DELAYED_MS,
      hubs: summarised(runs),
      runs,
    });
    const file = join(out, "faults.json");
    // The hubs in turn under each seed: what else the machine does in the meantime happens to all of them.
    for (let seed = firstSeed; seed < firstSeed + options.runs; seed++) {
      for (const spec of chosen.specs) {
        const total = options.runs * chosen.specs.length;
        progress.at(runs.length / total, `${formatHubId(spec)}, seed ${seed}`);
        const run = await runOf(spec, { seed, leaseMs, kinds, durability, work, care, env });
        runs.push(run);
        // A series that is ended early leaves what it has found.
        writeWholeFile(file, `${JSON.stringify(resultOf())}\n`);
        if (!options.json) {
          progress.done();
          stdout.write(`${runLine(run)}\n`);
        }
      }
    }
    progress.done();
    const result = resultOf();
    const page = join(out, "faults.html");
    writeWholeFile(page, renderFaultsPage(result));
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `\n${renderFaults(result)}\n\nwrote ${file} and ${page}\n`);
    const broken = runs.filter((run) => run.broken.length > 0);
    for (const run of broken) {
      stderr.write(`hubscale: ${run.hub}, seed ${run.seed}: ${run.broken.join("; ")}\n  again: ${reproduction(run, result)}\n`);
    }
    const slow = options.maxRecoverySeconds === undefined ? [] : tooSlow(result.hubs, options.maxRecoverySeconds);
    for (const line of slow) stderr.write(`hubscale: ${line}\n`);
    if (broken.length > 0) return EXIT.invalid;
    return slow.length > 0 ? EXIT.thresholdMissed : EXIT.ok;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    await care.close();
  }
}

interface RunOptions {
  seed: number;
  leaseMs: number;
  kinds: readonly FaultKind[];
  durability: DurabilityLevel;
  work: FaultWork;
  care: ProcessCare;
  env: Surroundings["env"];
}

/** A hub of its own for each run, so that the seed alone says what happened to it. */
async function runOf(spec: HarmableSpec, { seed, leaseMs, kinds, durability, work, care, env }: RunOptions): Promise<FaultRun> {
  try {
    const plan = drawPlan({ seed, leaseMs, targets: targetsOf(spec), kinds });
    const drawn = plan.faults.map(({ fault }) => fault.kind);
    const hub = await HubUnderFault.start({ spec, care, sources: serverSourcesOf(env), leaseMs, durability, kinds: drawn });
    try {
      return await carryOut(plan, hub, work);
    } finally {
      await hub.stop();
    }
  } catch (cause) {
    throw new Error(`${formatHubId(spec)}, seed ${seed}: ${(cause as Error).message}`, { cause });
  }
}

function harmableHubs(ids: readonly string[]): { ok: true; specs: HarmableSpec[] } | { ok: false; problems: string[] } {
  const specs: HarmableSpec[] = [];
  const problems: string[] = [];
  for (const id of new Set(ids)) {
    const parsed = parseHubId(id);
    const problem = parsed.ok ? unharmable(parsed.spec) : parsed.problem;
    if (problem !== undefined) problems.push(problem);
    else if (parsed.ok) specs.push(parsed.spec as HarmableSpec);
  }
  if (ids.length === 0) problems.push("--hubs names no hub");
  return problems.length > 0 ? { ok: false, problems } : { ok: true, specs };
}

function commaList(text: string): string[] {
  return text
    .split(",")
    .map((id) => id.trim())
    .filter((id) => id !== "");
}

function kindList(text: string): FaultKind[] {
  const names = text.trim() === "all" ? [...FAULT_KINDS] : commaList(text);
  const unknown = names.filter((name) => !FAULT_KINDS.includes(name as FaultKind));
  if (unknown.length > 0 || names.length === 0) {
    throw new InvalidArgumentError(
      `${unknown.join(", ") || "nothing"} is no fault; give some of ${FAULT_KINDS.join(", ")}, or all.`,
    );
  }
  return FAULT_KINDS.filter((kind) => names.includes(kind));
}

function wholeFrom(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`give a whole number from ${low} to ${high}.`);
    return value;
  };
}
