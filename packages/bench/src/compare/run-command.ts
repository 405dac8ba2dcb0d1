/** `bench run`: one hub, one workload, one load. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { seededRandom } from "../measure/estimate.ts";
import { sloText } from "../measure/slo.ts";
import type { HubResult } from "../results/compare-result.ts";
import type { Surroundings } from "./compare-command.ts";
import { contenderOf } from "./comparison.ts";
import { numberFrom } from "../option-values.ts";
import { hubIdOf, withOneHub } from "./hub-options.ts";
import { hubResultOf } from "./hub-result.ts";
import { renderOneHub } from "./one-hub-report.ts";
import { onStage, planStage, type StageOptions } from "./stage.ts";
import { THOROUGH_WARM_UP } from "./warm-up.ts";

export interface RunCommandOptions extends StageOptions {
  hub?: string;
  rate: number;
  seconds: number;
  repeats: number;
  json: boolean;
}

export interface RunResult {
  schema: "hubscale.run/1";
  seed: number;
  workload: string;
  slo: string;
  coresPerMachine: number | null;
  hub: HubResult;
}

export function addRunCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  withOneHub(program.command("run"))
    .description("one hub, one workload, one load: what it takes, what it costs, and whether it holds")
    .requiredOption("--rate <n>", "tasks a second, offered whatever the hub answers", numberFrom(0.1, 10_000))
    .option("--seconds <n>", "measured, after a warm-up", numberFrom(0.2, 3_600), 10)
    .option("--repeats <n>", "trials", numberFrom(1, 1_000), 1)
    .action(async (options: RunCommandOptions) => end(await runCommand(options, surroundings)));
}

/** 0: measured, whether it held or not; 4: a guarantee was broken, or no trial can be believed. */
export async function runCommand(options: RunCommandOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const plan = planStage([hubIdOf(options)], options);
  if (!plan.ok) {
    for (const problem of plan.problems) stderr.write(`hubscale: ${problem}\n`);
    return EXIT.usage;
  }
  return onStage(plan, options, surroundings, async (stage) => {
    const [entrant] = stage.entrants;
    if (!entrant?.ready) {
      for (const reason of entrant?.refused.invalidReasons ?? []) stderr.write(`hubscale: ${reason}\n`);
      return EXIT.invalid;
    }
    const { coresPerMachine, progress, slo, workload } = stage;
    const trialMs = options.seconds * 1000;
    const contender = contenderOf(entrant, {
      effort: { trialsPerHub: options.repeats, trialMs, warmupMs: WARM_UP_MS, probeMs: 0, goalHalfWidth: 0 },
      workload,
      slo,
      coresPerMachine,
      seed: options.seed,
      nowMs: () => performance.now(),
      sleep: (ms) => sleep(ms),
      leastPerTrial: 0,
    });
    progress.at(0, `${entrant.hub.id}: warming up`);
    await entrant.warmUp(THOROUGH_WARM_UP);
    await contender.settle();
    entrant.applyQuotas();
    for (let i = 0; i < options.repeats; i++) {
      progress.at(i / options.repeats, `${entrant.hub.id}: ${options.rate} tasks/s`);
      await contender.trial(options.rate);
    }
    const { durability, unknown } = entrant;
    const checked = await contender.finish();
    const describe = await entrant.hub.describe();
    const facts = { durability, checked, describe, coresPerMachine, searchedTasks: false };
    const hub: HubResult = { ...hubResultOf(contender, facts, seededRandom(options.seed)), unknown };
    const spoilt = hub.trials.every((trial) => trial.outcome === "invalid");
    if (spoilt) hub.invalidReasons.push(...(hub.trials[0]?.reasons ?? []));
    hub.valid &&= !spoilt;
    const result: RunResult = {
      schema: "hubscale.run/1",
      seed: options.seed,
      workload: workload.name,
      slo: sloText(slo),
      coresPerMachine,
      hub,
    };
    progress.done();
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderOneHub(result)}\n`);
    return hub.valid ? EXIT.ok : EXIT.invalid;
  });
}

const WARM_UP_MS = 500;
