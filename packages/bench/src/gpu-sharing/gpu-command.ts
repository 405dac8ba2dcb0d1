/** `bench gpu`: how many agents one GPU carries, by a real Ollama stub and by the closed form. */
import { GPU_TYPES, gpuType, LLM_MODELS, llmModel } from "@hubscale/fleet-model";
import { systemClock } from "@hubscale/sidecar-sim";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Surroundings } from "../compare/compare-command.ts";
import { progressOn, silentProgress } from "../compare/progress.ts";
import { failureText } from "../failure-lines.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { AGREEMENT, renderGpu } from "./gpu-report.ts";
import { GPU_SCHEMA, type GpuResult } from "./gpu-schema.ts";
import type { GpuSetting } from "./gpu-setting.ts";
import { measureGpuTable } from "./gpu-table.ts";

export interface GpuCommandOptions {
  gpu: string;
  model: string;
  agents: number[];
  parallel: number[];
  thinkS: number;
  promptTokens: number;
  outputTokens: number;
  rounds: number;
  sizes: GpuSetting["sizes"];
  answers: number;
  timeScale: number;
  seed: number;
  json: boolean;
  progress: boolean;
}

export function addGpuCommand(program: Command, surroundings: Surroundings, end: (code: ExitCode) => void): void {
  program
    .command("gpu")
    .description("agents that share one GPU: a real Ollama stub beside the closed form")
    .addOption(new Option("--gpu <type>", "the GPU").choices(GPU_TYPES.map(({ id }) => id)).default("rtx4090"))
    .addOption(new Option("--model <name>", "the model").choices(LLM_MODELS.map(({ name }) => name)).default("llama3.1:8b"))
    .option("--agents <list>", "numbers of agents, separated by commas", numbers(1, 256), [1, 2, 4, 8, 16])
    .option("--parallel <list>", "values of NUM_PARALLEL, separated by commas", numbers(1, 64), [1, 4])
    .option("--think-s <s>", "between an answer and the next request, mean", number(0, 3_600), 10)
    .option("--prompt-tokens <n>", "mean", number(8, 16_384), 1_500)
    .option("--output-tokens <n>", "mean", number(1, 16_384), 300)
    .option("--rounds <n>", "requests that make a task", number(1, 1_000), 3)
    .addOption(
      new Option("--sizes <kind>", "how sizes and times vary").choices(["exponential", "constant"]).default("exponential"),
    )
    .option("--answers <n>", "to measure, of each case", number(100, 1_000_000), 1_500)
    .option("--time-scale <x>", "times faster than life", number(1, 1_000), 20)
    .option("--seed <n>", "for sizes and resampling", number(0, 999_999), 1)
    .option("--json", "print the result as JSON on stdout instead of the table", false)
    .option("--no-progress", "no progress on stderr")
    .action(async (options: GpuCommandOptions) => end(await gpuCommand(options, surroundings)));
}

/** 99 when they differ by more than the bound with exponential sizes, for which the closed form claims to hold. */
export async function gpuCommand(options: GpuCommandOptions, { stdout, stderr }: Surroundings): Promise<ExitCode> {
  const progress = options.progress ? progressOn(stderr, () => performance.now()) : silentProgress;
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error("stopped"));
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const { seed, timeScale, answers, agents, parallel } = options;
    const setting = settingOf(options);
    const cases = await measureGpuTable({
      setting,
      cases: parallel.flatMap((numParallel) => agents.map((count) => ({ agents: count, numParallel }))),
      answers,
      timeScale,
      seed,
      clock: systemClock,
      signal: stop.signal,
      at: (share, doing) => progress.at(share, doing),
    });
    progress.done();
    const { round, sizes, roundsPerTask } = setting;
    const result: GpuResult = {
      schema: GPU_SCHEMA,
      seed,
      timeScale,
      gpu: options.gpu,
      model: options.model,
      sizes,
      round,
      roundsPerTask,
      cases,
    };
    stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${renderGpu(result)}\n`);
    const isApart = ({ difference: { tasksPerHour, tokensPerSec, queueWaitSec } }: GpuResult["cases"][number]) =>
      [tasksPerHour, tokensPerSec, queueWaitSec].some((difference) => Math.abs(difference) > AGREEMENT);
    return sizes === "exponential" && cases.some(isApart) ? EXIT.thresholdMissed : EXIT.ok;
  } catch (error) {
    progress.done();
    stderr.write(failureText(error));
    return EXIT.error;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

function settingOf(options: GpuCommandOptions): GpuSetting {
  const gpu = gpuType(options.gpu);
  const model = llmModel(options.model);
  if (!gpu || !model) throw new Error(`no GPU '${options.gpu}' or no model '${options.model}'`);
  return {
    gpu,
    model,
    contextTokens: CONTEXT_TOKENS,
    round: { thinkMs: options.thinkS * 1_000, promptTokens: options.promptTokens, outputTokens: options.outputTokens },
    sizes: options.sizes,
    roundsPerTask: options.rounds,
  };
}

/** Holds ten times the mean prompt, beyond which an exponential one hardly ever goes. */
const CONTEXT_TOKENS = 16_384;

function number(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`give a number from ${low} to ${high}.`);
    return value;
  };
}

function numbers(low: number, high: number): (text: string) => number[] {
  return (text) => {
    const values = text.split(",").map((each) => number(low, high)(each.trim()));
    if (!values.every(Number.isInteger)) throw new InvalidArgumentError("give whole numbers, for instance 1,2,4.");
    return [...new Set(values)];
  };
}
