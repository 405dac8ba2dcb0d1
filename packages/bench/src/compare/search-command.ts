/** `bench search`: the capacity of one hub, in one quantity. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, Option } from "commander";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { sloText } from "../measure/slo.ts";
import type { CompareResult, HubResult } from "../results/compare-result.ts";
import type { Surroundings } from "./compare-command.ts";
import { runComparison } from "./comparison.ts";
import { EFFORTS, type Effort } from "./effort.ts";
import { hubIdOf, withOneHub } from "./hub-options.ts";
import { renderOneHub } from "./one-hub-report.ts";
import { QUANTITIES, QUANTITY_NAMES, type Quantity } from "./quantity.ts";
import { onStage, planStage, type StageOptions } from "./stage.ts";

export interface SearchCommandOptions extends StageOptions {
  hub?: string;
  effort: Effort["name"];
  quantity: Quantity;
  json: boolean;
}

export interface SearchResult {
  schema: "hubscale.search/1";
  seed: number;
  quantity: Quantity;
  workload: string;
  slo: string;
  coresPerMachine: number | null;
  environment: CompareResult["environment"];
  hub: HubResult;
}

export function addSearchCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  withOneHub(program.command("search"))
    .description("the capacity of one hub")
    .addOption(new Option("--quantity <name>", "counted in").choices(QUANTITY_NAMES).default("tasksPerSec"))
    .addOption(new Option("--effort <name>", "how much time it may take").choices(Object.keys(EFFORTS)).default("quick"))
    .action(async (options: SearchCommandOptions) => end(await searchCommand(options, surroundings)));
}

/** 3: no capacity was found; 4: a guarantee was broken, or the measurement was spoilt. */
export async function searchCommand(options: SearchCommandOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const { quantity, seed } = options;
  const plan = planStage([hubIdOf(options)], options);
  if (!plan.ok) {
    for (const problem of plan.problems) stderr.write(`hubscale: ${problem}\n`);
    return EXIT.usage;
  }
  return onStage(plan, options, surroundings, async (stage) => {
    const effort = EFFORTS[options.effort];
    const compared = await runComparison(stage.entrants, {
      ...stage,
      effort: { ...effort, quantities: quantity === "tasksPerSec" ? [] : [quantity] },
      searchesTasks: quantity === "tasksPerSec",
      seed,
      environment: { ...stage.environment },
      startedAt: new Date(),
      nowMs: () => performance.now(),
      sleep: (ms) => sleep(ms),
    });
    const hub = compared.hubs[0] as HubResult;
    const { isolation, environment } = compared;
    const result: SearchResult = {
      schema: "hubscale.search/1",
      seed,
      quantity,
      workload: stage.workload.name,
      slo: sloText(quantity === "tasksPerSec" ? stage.slo : QUANTITIES[quantity].slo),
      coresPerMachine: isolation.coresPerMachine,
      environment,
      hub,
    };
    stage.progress.done();
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderOneHub(result)}\n`);
    if (!hub.valid) return EXIT.invalid;
    return hub.capacity[quantity] ? EXIT.ok : EXIT.inconclusive;
  });
}
