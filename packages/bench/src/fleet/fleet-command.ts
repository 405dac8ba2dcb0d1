/** `bench fleet`: machines against agents, in closed form and, when asked, simulated. */
import { agentsPerGpu, decideFleet, type FleetInput, type HubEvidence, type WorkMix } from "@hubscale/fleet-model";
import { type Command, InvalidArgumentError } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { failOn } from "../failure-lines.ts";
import { renderTable } from "../report/terminal.ts";
import { loadFleet } from "../workload/fleet-file.ts";
import { loadWorkload } from "../workload/workload.ts";
import { DRAWS, fleetInput } from "./fleet-input.ts";
import { FLEET_SCHEMA } from "./fleet-schema.ts";
import { renderFleet } from "./fleet-report.ts";
import {
  disagreeing,
  randomFleetsTable,
  simulatedLines,
  simulateOne,
  simulateRandomFleets,
  simulationSpeed,
  speedLine,
} from "./fleet-simulated.ts";
import { evidenceFrom, recordedEvidence, withFaults } from "./hub-evidence-file.ts";
import { stubFleetsCommand } from "./stub-fleets-command.ts";

export interface FleetCommandOptions {
  fleet: string;
  workload: string;
  result?: string;
  ladder?: string;
  faults?: string;
  hub?: string;
  tasksPerHour?: number;
  growth: number;
  fsyncMs?: number;
  rows?: number;
  draws: number;
  simulate: boolean;
  random?: number;
  speed?: number;
  stubs?: number;
  timeScale?: number;
  minutes: number;
  seed: number;
  json: boolean;
  progress: boolean;
}

export function addFleetCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("fleet")
    .description("machines against agents: what binds, what one more of anything is worth, when to distribute")
    .option("--fleet <name|file>", "a shipped fleet or a YAML file", "office")
    .option("--workload <name|file>", "a shipped workload or a YAML file, with tiers", "coding")
    .option("--result <file>", "the hubs as measured by bench compare: its results.json; default: a recorded one")
    .option("--ladder <file>", "gains of single fixes: a ladder.json of bench ladder, with --result")
    .option("--faults <file>", "recovery after the end of a node: a faults.json of bench faults")
    .option("--hub <id>", "the hub in use; default: single-reference, else the best single one")
    .option("--tasks-per-hour <n>", "what the team submits; default: as much as its agents can do", number(0, 1e9))
    .option("--growth <share>", "of the load, a month", number(0, 10), 0.1)
    .option("--fsync-ms <ms>", "of the disk under the hub; default: as measured", number(0, 10_000))
    .option("--rows <n>", "completed rows in the hub's table; default: as measured", number(0, 1e9))
    .option("--draws <n>", "for the intervals; 0: none", number(0, 10_000), DRAWS)
    .option("--simulate", "the same fleet as a discrete-event simulation beside the closed form", false)
    .option("--random <n>", "instead: so many random fleets, closed form against simulation", number(1, 100_000))
    .option("--speed <agents>", "instead: how fast the fleet simulates, made larger to so many agents", number(1, 1e6))
    .option("--stubs <n>", "instead: so many random fleets on real stubs over HTTP, beside the simulation", number(1, 1_000))
    .option(
      "--time-scale <x>",
      "of the stubs, times faster than life; default: the fastest at which they are on time",
      number(1, 1_000),
    )
    .option("--minutes <n>", "that the stubs may take", number(0.1, 600), 4)
    .option("--seed <n>", "for draws and simulations", number(0, 999_999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the tables", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: FleetCommandOptions) => end(await fleetCommand(options, surroundings)));
}

/** 99 when the closed form and the simulation of random fleets differ by more than they may. */
export async function fleetCommand(options: FleetCommandOptions, { stdout, stderr }: Surroundings): Promise<ExitCode> {
  const fail = (...problems: string[]) => failOn(stderr)(EXIT.usage, ...problems);
  if (options.random !== undefined) return randomFleets(options, { stdout, stderr });
  if (options.stubs !== undefined) {
    const { timeScale, minutes, seed, json, progress } = options;
    return stubFleetsCommand(
      { stubs: Math.round(options.stubs), timeScale, minutes, seed, json, progress },
      { stdout, stderr },
    );
  }
  const fleet = loadFleet(options.fleet);
  if (!fleet.ok) return fail(...fleet.problems);
  const workload = loadWorkload(options.workload);
  if (!workload.ok) return fail(...workload.problems);
  const { mix } = workload;
  if (!mix)
    return fail(`the workload '${options.workload}' has no tiers: it does not say what tasks ask of machines; try coding`);
  const known = evidenceOf(options);
  if (!known.ok) return fail(known.problem);
  const { evidence } = known;
  const ids = evidence.hubs.map(({ id }) => id);
  if (options.hub !== undefined && !ids.includes(options.hub)) {
    return fail(`no measurement of the hub '${options.hub}'; there are ${ids.join(", ")}`);
  }
  const input = fleetInput({
    fleet: fleet.fleet,
    mix,
    evidence,
    hubId: options.hub,
    tasksPerHour: options.tasksPerHour ?? null,
    growthPerMonth: options.growth,
    fsyncMs: options.fsyncMs ?? null,
    completedRows: options.rows,
    draws: Math.round(options.draws),
    seed: options.seed,
  });
  if (input.fleet.hosts.every(({ count, agents }) => count * agents === 0))
    return fail(`the fleet '${options.fleet}' has no agents`);
  if (options.speed !== undefined) return speed(input, mix, { options, stdout });
  const decision = decideFleet(input);
  const perGpu = agentsPerGpu(input);
  const simulated = options.simulate ? simulateOne(input, mix, () => performance.now()) : null;
  if (options.json) {
    stdout.write(`${JSON.stringify({ schema: FLEET_SCHEMA, input, decision, agentsPerGpu: perGpu, simulated })}\n`);
    return EXIT.ok;
  }
  stdout.write(`${renderFleet(input, decision, perGpu)}\n`);
  if (simulated) stdout.write(`\n${simulatedLines(simulated).join("\n")}\n`);
  return EXIT.ok;
}

function evidenceOf(options: FleetCommandOptions): { ok: true; evidence: HubEvidence } | { ok: false; problem: string } {
  if (options.result === undefined && options.ladder !== undefined) {
    return { ok: false, problem: "--ladder needs the --result that it belongs to" };
  }
  const capacities =
    options.result === undefined
      ? ({ ok: true, evidence: recordedEvidence() } as const)
      : evidenceFrom(options.result, options.ladder);
  if (!capacities.ok || options.faults === undefined) return capacities;
  return withFaults(capacities.evidence, options.faults);
}

const RANDOM_TASKS = 800;

function randomFleets(options: FleetCommandOptions, { stdout, stderr }: Pick<Surroundings, "stdout" | "stderr">): ExitCode {
  const fleets = Math.round(options.random ?? 0);
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  const result = simulateRandomFleets(
    { fleets, seed: options.seed, tasks: RANDOM_TASKS },
    { nowMs: () => performance.now(), at: (done) => progress.at(done / fleets, `fleet ${done}`) },
  );
  progress.done();
  stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderTable(randomFleetsTable(result)).join("\n")}\n`);
  return disagreeing(result).length > 0 ? EXIT.thresholdMissed : EXIT.ok;
}

function speed(
  input: FleetInput,
  mix: WorkMix,
  { options, stdout }: { options: FleetCommandOptions; stdout: Surroundings["stdout"] },
): ExitCode {
  const clock = {
    nowMs: () => performance.now(),
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  };
  const result = simulationSpeed({ input, mix, agents: options.speed ?? 0 }, clock);
  stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${speedLine(result)}\n`);
  return EXIT.ok;
}

function number(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`give a number from ${low} to ${high}.`);
  };
}
