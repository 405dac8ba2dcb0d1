/**
 * One GPU with one loaded model and a fixed number of agents, solved without simulating: the machine repairman model, whose repair
 * shop works faster the more it has in hand. Agents think (tools, builds) and then ask; the number that have asked is a birth-death
 * process. Sources: E. D. Lazowska and others, Quantitative System Performance (1984), ch. 8 (load-dependent servers) and ch. 5 (bounds).
 *
 * It is exact for exponential think times and sizes with one slot, and in saturation for any. It does not hold
 * - for sizes and times that vary little: agents fall into step. In the example of closed-form.test.ts (knee at 4.9 agents), simulated
 *   with constant sizes, 4 agents get 17 % more done than solved with one slot, and 5 % less with four, where their prompts collide,
 * - for several models on one GPU, for loads, for prompts that are found in the cache; give the uncached length then.
 */
import { decodeSpeedup } from "./batching-curve.ts";
import type { LlmModel } from "./llm-models.ts";
import type { Placement } from "./model-placement.ts";

/** Means. */
export interface AgentRound {
  /** Between an answer and the next request. */
  thinkMs: number;
  /** That are to be prefilled. */
  promptTokens: number;
  outputTokens: number;
}

export interface GpuQuestion {
  agents: number;
  round: AgentRound;
  model: LlmModel;
  placement: Placement;
}

export interface GpuAnswer {
  requestsPerSec: number;
  /** Decoded, of all agents. */
  tokensPerSec: number;
  /** From request to the end of the answer. */
  responseMs: number;
  /** Of it, the wait for a slot. */
  slotWaitMs: number;
  /** Share of the time in which the GPU works. */
  utilisation: number;
  /** Number of agents at which the asymptotes meet: below, agents hardly wait; above, another one hardly adds anything. */
  kneeAgents: number;
}

/** Requests per millisecond with `inSlots` of them at work, each slot always taken. */
export function completionsPerMs({ round, model, placement }: Omit<GpuQuestion, "agents">, inSlots: number): number {
  // Prefill does not batch and stops decode, so it comes on top; while nothing is prefilled, all slots decode.
  const prefillMs = (round.promptTokens / placement.prefillTokensPerSec) * 1_000;
  const contextTokens = round.promptTokens + round.outputTokens / 2;
  const aggregatePerSec = placement.decodeTokensPerSec * decodeSpeedup(model.batching, inSlots, contextTokens);
  return 1 / (prefillMs + (round.outputTokens / aggregatePerSec) * 1_000);
}

export function solveGpu(question: GpuQuestion): GpuAnswer {
  const { agents, round, placement } = question;
  const slots = placement.slots;
  const perMs = Array.from({ length: slots + 1 }, (_, inSlots) => (inSlots === 0 ? 0 : completionsPerMs(question, inSlots)));
  const rateAt = (asked: number) => perMs[Math.min(asked, slots)] ?? 0;
  const shares = round.thinkMs > 0 ? sharesOfTime(agents, round.thinkMs, rateAt) : allAsked(agents);
  const mean = (value: (asked: number) => number) => shares.reduce((sum, share, asked) => sum + share * value(asked), 0);

  const requestsPerMs = mean(rateAt);
  const asked = mean((count) => count);
  const waiting = mean((count) => Math.max(0, count - slots));
  return {
    requestsPerSec: requestsPerMs * 1_000,
    tokensPerSec: requestsPerMs * 1_000 * round.outputTokens,
    // Little's law.
    responseMs: asked / requestsPerMs,
    slotWaitMs: waiting / requestsPerMs,
    utilisation: 1 - (shares[0] ?? 0),
    kneeAgents: rateAt(slots) * (round.thinkMs + 1 / rateAt(1)),
  };
}

/** The share of the time in which 0, 1, … agents have asked; in logarithms, since the products leave the range of numbers. */
function sharesOfTime(agents: number, thinkMs: number, rateAt: (asked: number) => number): number[] {
  const logs = [0];
  for (let asked = 1; asked <= agents; asked++) {
    const arrivalsPerMs = (agents - asked + 1) / thinkMs;
    logs.push((logs[asked - 1] ?? 0) + Math.log(arrivalsPerMs / rateAt(asked)));
  }
  const largest = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const allAsked = (agents: number) => Array.from({ length: agents + 1 }, (_, asked) => (asked === agents ? 1 : 0));
