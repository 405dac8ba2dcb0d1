import type { Estimate } from "../measure/estimate.ts";
import type { GpuComparison } from "./gpu-comparison.ts";
import type { GpuResult } from "./gpu-schema.ts";

export type { GpuResult };

/** Where the closed form holds it must agree this well. */
export const AGREEMENT = 0.05;

/** A Markdown table: measured [95 % interval] / solved (difference). */
export function renderGpu(result: GpuResult): string {
  const { round, gpu, model, sizes, roundsPerTask, timeScale, cases } = result;
  const head = ["NUM_PARALLEL", "agents", "tasks/h", "tokens/s", "response s", "queue wait s"];
  const rows = cases.map(({ numParallel, agents, measured, solved, difference }) => [
    `${numParallel}`,
    `${agents}`,
    cell(measured.tasksPerHour, solved.tasksPerHour, difference.tasksPerHour),
    cell(measured.tokensPerSec, solved.tokensPerSec, difference.tokensPerSec),
    cell(measured.responseSec, solved.responseSec, difference.responseSec),
    cell(measured.queueWaitSec, solved.queueWaitSec, difference.queueWaitSec),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `${model} on ${gpu}, ${sizes} sizes: ${round.promptTokens} prompt tokens, ${round.outputTokens} output tokens, ${round.thinkMs / 1_000} s between two requests (means); a task is ${roundsPerTask} requests; stub at ${timeScale} times the pace of life.`,
    "Each cell: the stub [95 % interval] · closed form (difference; of the wait: as a share of the response).",
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    "",
    verdictOf(cases),
  ].join("\n");
}

function verdictOf(cases: readonly GpuComparison[]): string {
  const worst = (pick: (one: GpuComparison) => number) => Math.max(...cases.map((one) => Math.abs(pick(one))));
  const names = {
    tasksPerHour: "tasks/h",
    tokensPerSec: "tokens/s",
    responseSec: "response",
    queueWaitSec: "queue wait",
  } as const;
  const parts = Object.entries(names).map(
    ([key, name]) => `${name} ${percent(worst(({ difference }) => difference[key as keyof typeof names]))}`,
  );
  return [
    `largest difference: ${parts.join(" · ")} (bound where the closed form holds: ${percent(AGREEMENT)})`,
    `timers and HTTP made the pauses up to ${percent(Math.max(...cases.map(({ lateShare }) => lateShare)))} longer than drawn; the closed form is solved for what they came to`,
  ].join("\n");
}

function cell(measured: Estimate, solved: number, difference: number): string {
  const sign = difference > 0 ? "+" : "";
  return `${short(measured.value)} [${short(measured.low)}, ${short(measured.high)}] · ${short(solved)} (${sign}${percent(difference)})`;
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function short(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
