/** What the stub was seen to do, beside what the closed form says of the same means. */
import type { AgentRound } from "@hubscale/fleet-model";
import { ratioEstimate, scaled } from "../measure/estimate.ts";
import type { CountedAnswer } from "./gpu-agents.ts";
import { type GpuCase, type GpuSetting, solveCase } from "./gpu-setting.ts";
import type { GpuComparison } from "./gpu-schema.ts";

export type { GpuComparison };

/** Answers that lie together are no independent observations; batches of this many nearly are. */
const BATCH = 50;

/** `runs`: one list for each GPU that ran the same case. */
export function compareGpu(
  setting: GpuSetting,
  of: GpuCase,
  runs: readonly (readonly CountedAnswer[])[],
  random: () => number,
): GpuComparison {
  const answers = runs.flat();
  const meanOf = (value: (answer: CountedAnswer) => number) =>
    answers.reduce((sum, answer) => sum + value(answer), 0) / answers.length;
  const round: AgentRound = {
    thinkMs: meanOf(({ thinkMs }) => thinkMs),
    promptTokens: meanOf(({ promptTokens }) => promptTokens),
    outputTokens: meanOf(({ outputTokens }) => outputTokens),
  };
  const measured = measure(runs, setting.roundsPerTask, random);
  const { requestsPerSec, tokensPerSec, responseMs, slotWaitMs } = solveCase(setting, of, round);
  const solved = {
    tasksPerHour: (requestsPerSec * 3_600) / setting.roundsPerTask,
    tokensPerSec,
    responseSec: responseMs / 1_000,
    queueWaitSec: slotWaitMs / 1_000,
  };
  return {
    ...of,
    answers: answers.length,
    round,
    lateShare: round.thinkMs / meanOf(({ drawnThinkMs }) => drawnThinkMs) - 1,
    measured,
    solved,
    difference: {
      tasksPerHour: measured.tasksPerHour.value / solved.tasksPerHour - 1,
      tokensPerSec: measured.tokensPerSec.value / solved.tokensPerSec - 1,
      responseSec: measured.responseSec.value / solved.responseSec - 1,
      queueWaitSec: (measured.queueWaitSec.value - solved.queueWaitSec) / solved.responseSec,
    },
  };
}

/** 95 % intervals from batches of each run. */
function measure(
  runs: readonly (readonly CountedAnswer[])[],
  roundsPerTask: number,
  random: () => number,
): GpuComparison["measured"] {
  const batches = runs.flatMap(batchesOf);
  const estimate = (unit: string, sums: (batch: Batch) => { numerator: number; denominator: number }) =>
    ratioEstimate(batches.map(sums), unit, random) ?? nothing();
  const perAnswer = (unit: string, value: (batch: Batch) => number) =>
    scaled(
      estimate(unit, (batch) => ({ numerator: value(batch), denominator: batch.answers })),
      1 / 1_000,
    );
  const perMs = (unit: string, value: (batch: Batch) => number) =>
    estimate(unit, (batch) => ({ numerator: value(batch), denominator: batch.elapsedMs }));
  return {
    tasksPerHour: scaled(
      perMs("tasks/h", ({ answers }) => answers),
      3_600_000 / roundsPerTask,
    ),
    tokensPerSec: scaled(
      perMs("tokens/s", ({ tokens }) => tokens),
      1_000,
    ),
    responseSec: perAnswer("s", ({ responseMs }) => responseMs),
    queueWaitSec: perAnswer("s", ({ waitMs }) => waitMs),
  };
}

interface Batch {
  answers: number;
  elapsedMs: number;
  tokens: number;
  responseMs: number;
  waitMs: number;
}

/** From the end of one answer to the end of another `BATCH` later; the first answer of a run only starts the clock. */
function batchesOf(run: readonly CountedAnswer[]): Batch[] {
  const batches: Batch[] = [];
  for (let from = 0; from + 1 < run.length; from += BATCH) {
    const answers = run.slice(from + 1, from + 1 + BATCH);
    const beganMs = run[from]?.endedMs ?? 0;
    const sum = (value: (answer: CountedAnswer) => number) => answers.reduce((total, answer) => total + value(answer), 0);
    batches.push({
      answers: answers.length,
      elapsedMs: (answers.at(-1)?.endedMs ?? beganMs) - beganMs,
      tokens: sum(({ outputTokens }) => outputTokens),
      responseMs: sum(({ responseMs }) => responseMs),
      waitMs: sum(({ waitMs }) => waitMs),
    });
  }
  return batches;
}

function nothing(): never {
  throw new Error("a GPU without an answer");
}
