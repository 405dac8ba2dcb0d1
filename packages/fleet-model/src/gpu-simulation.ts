/** One GPU and its agents on a virtual clock: the scheduler's own rules, with sizes and times drawn. */
import type { LlmModel } from "./llm-models.ts";
import type { OllamaTimings } from "./ollama-request.ts";
import { OllamaServer } from "./ollama-server.ts";
import type { OllamaSettings } from "./ollama-settings.ts";
import { type Distribution, draw, type Random } from "./random.ts";

export interface GpuSimulation {
  settings: OllamaSettings;
  model: LlmModel;
  agents: number;
  thinkMs: Distribution;
  promptTokens: Distribution;
  outputTokens: Distribution;
  random: Random;
  /** Answers to count, after a tenth of them to settle. */
  answers: number;
}

export interface SimulatedGpu {
  requestsPerSec: number;
  tokensPerSec: number;
  responseMs: number;
  /** Of it, neither prefill nor decode: the wait for a slot and, in it, for the prefill of others. */
  waitMs: number;
}

export function simulateGpu(simulation: GpuSimulation): SimulatedGpu {
  const { agents, random, answers, model } = simulation;
  const server = new OllamaServer({ ...simulation.settings, keepAliveMs: Number.POSITIVE_INFINITY }, 0);
  const load = { id: "load", model, promptTokens: 0, outputTokens: 0 };
  server.handle({ type: "request", request: load }, 0);
  let nowMs = server.nextDueMs();
  server.advance(nowMs);

  const asksAtMs = Array.from({ length: agents }, () => nowMs + draw(simulation.thinkMs, random));
  const counted = new Tally(Math.ceil(answers / 10));
  while (counted.answers < answers) {
    const agent = indexOfLeast(asksAtMs);
    const askMs = asksAtMs[agent] ?? Number.POSITIVE_INFINITY;
    const dueMs = server.nextDueMs();
    nowMs = Math.min(askMs, dueMs);
    if (nowMs === Number.POSITIVE_INFINITY) throw new Error("neither an agent nor the server has anything to do");
    let effects = server.advance(nowMs);
    if (askMs <= dueMs) {
      asksAtMs[agent] = Number.POSITIVE_INFINITY;
      const promptTokens = draw(simulation.promptTokens, random);
      const outputTokens = draw(simulation.outputTokens, random);
      const request = { id: `${agent}`, model, promptTokens, outputTokens };
      effects = [...effects, ...server.handle({ type: "request", request }, nowMs)];
    }
    for (const effect of effects) {
      if (effect.type !== "finished") continue;
      counted.add(effect.timings, effect.atMs);
      asksAtMs[Number(effect.id)] = effect.atMs + draw(simulation.thinkMs, random);
    }
  }
  return counted.result();
}

class Tally {
  answers = 0;
  private readonly toSettle: number;
  private settled = 0;
  private beganMs = 0;
  private endedMs = 0;
  private tokens = 0;
  private responseMs = 0;
  private waitMs = 0;

  constructor(toSettle: number) {
    this.toSettle = toSettle;
  }

  add({ totalMs, promptEvalMs, evalMs, outputTokens }: OllamaTimings, atMs: number): void {
    if (this.settled < this.toSettle) {
      this.settled++;
      this.beganMs = atMs;
      return;
    }
    this.answers++;
    this.endedMs = atMs;
    this.tokens += outputTokens;
    this.responseMs += totalMs;
    this.waitMs += totalMs - promptEvalMs - evalMs;
  }

  result(): SimulatedGpu {
    const elapsedSec = (this.endedMs - this.beganMs) / 1_000;
    return {
      requestsPerSec: this.answers / elapsedSec,
      tokensPerSec: this.tokens / elapsedSec,
      responseMs: this.responseMs / this.answers,
      waitMs: this.waitMs / this.answers,
    };
  }
}

function indexOfLeast(values: readonly number[]): number {
  let least = 0;
  for (let index = 1; index < values.length; index++) if ((values[index] ?? 0) < (values[least] ?? 0)) least = index;
  return least;
}
