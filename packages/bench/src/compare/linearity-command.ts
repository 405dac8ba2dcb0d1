/** `bench linearity`: may results under one CPU quota be compared with those under another? */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { LINEARITY_LIMIT } from "../measure/linearity.ts";
import { estimateText } from "../report/summary.ts";
import { renderTable } from "../report/terminal.ts";
import type { Linearity } from "../results/compare-result.ts";
import type { Surroundings } from "./compare-command.ts";
import { contenderOf } from "./comparison.ts";
import { numberFrom } from "../option-values.ts";
import { isClean } from "../results/history.ts";
import { hubIdOf, withOneHub } from "./hub-options.ts";
import { measureLinearity } from "./linearity-measurement.ts";
import { onStage, planStage, type StageOptions } from "./stage.ts";
import { THOROUGH_WARM_UP } from "./warm-up.ts";

export interface LinearityCommandOptions extends StageOptions {
  hub?: string;
  quotas: number[];
  rounds: number;
  seconds: number;
  json: boolean;
}

export function addLinearityCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  withOneHub(program.command("linearity"))
    .description("the same hub under several CPU quotas: does it cost the same for a task?")
    .option("--quotas <list>", "in cores", quotaList, [0.2, 0.4, 0.8])
    .option("--rounds <n>", "of all quotas, in turn", numberFrom(1, 100), 5)
    .option("--seconds <n>", "of load under each quota", numberFrom(0.5, 600), 3)
    .action(async (options: LinearityCommandOptions) => end(await linearityCommand(options, surroundings)));
}

/** 4 when the hub is flagged: its results under a quota are of that quota only. */
export async function linearityCommand(options: LinearityCommandOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const { quotas, rounds, seconds, seed } = options;
  const plan = planStage([hubIdOf(options)], options);
  if (!plan.ok) {
    for (const problem of plan.problems) stderr.write(`hubscale: ${problem}\n`);
    return EXIT.usage;
  }
  return onStage(plan, { ...options, cores: Math.max(...quotas) }, surroundings, async (stage) => {
    const [entrant] = stage.entrants;
    const refusal = !entrant?.ready
      ? (entrant?.refused.invalidReasons.join("; ") ?? "no hub")
      : stage.isolation.kind === "none"
        ? `there is no CPU quota here (${stage.isolation.how}), so there is no scale model whose linearity matters`
        : "";
    if (!entrant?.ready || refusal !== "") {
      stderr.write(`hubscale: ${refusal}\n`);
      return EXIT.error;
    }
    const { slo, workload, progress } = stage;
    const clock = { nowMs: () => performance.now(), sleep: (ms: number) => sleep(ms) };
    const effort = { trialsPerHub: 1, trialMs: seconds * 1000, warmupMs: 0, probeMs: 0, goalHalfWidth: 0 };
    const contender = contenderOf(entrant, { ...clock, effort, workload, slo, seed, coresPerMachine: Math.min(...quotas) });
    progress.at(0, `${entrant.hub.id}: warming up`);
    const { cpuMsPerTask } = await entrant.warmUp(THOROUGH_WARM_UP);
    await contender.settle();
    const { hubNodes, backboneServers } = entrant.hub.machines;
    const linearity = await measureLinearity(entrant, {
      quotas,
      rounds,
      seed,
      slo,
      trialMs: seconds * 1000,
      cpuMsPerTask: cpuMsPerTask.at(-1) ?? 1,
      machines: hubNodes + backboneServers,
      tell: (doing) => progress.at(0, doing),
      settle: () => contender.settle(),
    });
    const { history } = await contender.finish();
    progress.done();
    const result = { schema: "hubscale.linearity/1", seed, hub: entrant.hub.id, isolation: stage.isolation.how, ...linearity };
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderLinearity(entrant.hub.id, linearity)}\n`);
    if (!isClean(history)) stderr.write("hubscale: a hub lost, doubled or wrongly accepted a task\n");
    return linearity.flagged || !isClean(history) ? EXIT.invalid : EXIT.ok;
  });
}

export function renderLinearity(hub: string, { points, shift, flagged }: Linearity): string {
  const percent = `${Math.round(100 * shift)} %`;
  const limit = `${Math.round(100 * LINEARITY_LIMIT)} %`;
  const verdict = flagged
    ? `NOT LINEAR: what a task costs ${hub} shifts by ${percent} between two quotas (limit ${limit}): its figures hold for their quota only`
    : `${hub}: the CPU of a task shifts by ${percent} between the quotas${shift > LINEARITY_LIMIT ? `, over the limit of ${limit} but within the noise of this run` : ` (limit ${limit})`}`;
  const table = {
    caption: "",
    head: ["cores of each machine", "CPU-ms/task", "trials"],
    rows: points.map(({ cores, cpuMsPerTask }) => [String(cores), estimateText(cpuMsPerTask), String(cpuMsPerTask.n)]),
    notes: [],
  };
  return [verdict, "", ...renderTable(table)].join("\n");
}

function quotaList(text: string): number[] {
  return [...new Set(text.split(",").map((each) => numberFrom(0.1, 64)(each)))];
}
