/** Rounds of a conversation on a GPU: what a request asks of it on average, and how fast it is with several in hand. */
import { decodeSpeedup } from "../batching-curve.ts";
import type { GpuShape } from "../decision/fleet-shape.ts";
import type { StandardProfile } from "../decision/task-profile.ts";
import { gpuType } from "../gpu-types.ts";
import { llmModel, type LlmModel } from "../llm-models.ts";
import { type Placement, placeModel, slotsOf } from "../model-placement.ts";
import { type OllamaSettings, ollamaSettings, totalVramBytes } from "../ollama-settings.ts";
import { AS_GIVEN, type FleetFactors } from "./fleet-factors.ts";
import { meanOverArrivals } from "./repairman.ts";

export interface Endpoint {
  model: LlmModel;
  settings: OllamaSettings;
  placement: Placement;
}

/** Throws for names that the data do not have: whoever reads a file checks them before. */
export function endpointOf(shape: GpuShape): Endpoint {
  const gpu = gpuType(shape.type);
  const model = llmModel(shape.model);
  if (!gpu) throw new Error(`no GPU type '${shape.type}'`);
  if (!model) throw new Error(`no model '${shape.model}'`);
  const contextTokens = Math.min(shape.contextTokens, model.maxContextTokens);
  const settings = ollamaSettings({ gpu, gpuCount: shape.cards, numParallel: shape.numParallel, contextTokens });
  const placement = placeModel(model, settings, { contextTokens, freeVramBytes: totalVramBytes(settings) });
  return { model, settings, placement };
}

/** One sort of request. */
export interface GpuRound {
  /** To prefill. */
  newTokens: number;
  /** Of the whole prompt and half of the answer. */
  contextTokens: number;
  outputTokens: number;
}

/**
 * The mean request of a conversation. A slot that still holds the conversation prefills what was added; another reads the whole
 * prompt again. `foundShare` of the later requests find theirs.
 */
export function meanRound(
  work: StandardProfile,
  endpoint: Endpoint,
  foundShare: number,
  factors: FleetFactors = AS_GIVEN,
): GpuRound {
  const most = endpoint.placement.contextTokens;
  const later = Math.max(0, work.rounds - 1);
  const output = work.outputTokens * factors.tokens;
  const first = Math.min(most, work.promptTokens * factors.tokens);
  const appended = work.appendedTokens * factors.tokens;
  // A later round has one earlier round at least; over all rounds the mean is `earlierRounds`.
  const earlier = later > 0 ? (work.earlierRounds * work.rounds) / later : 0;
  const laterPrompt = Math.min(most, first + earlier * (appended + output));
  const laterNew = foundShare * Math.min(appended, laterPrompt) + (1 - foundShare) * laterPrompt;
  const prompt = (first + later * laterPrompt) / (1 + later);
  return {
    newTokens: (first + later * laterNew) / (1 + later),
    contextTokens: prompt + output / 2,
    outputTokens: output,
  };
}

/**
 * While agents are fewer than slots, each finds its conversation. Beyond, whoever comes finds `slots - inHand` free ones; any of the
 * agents that are away may be next, so one of their conversations is as likely to be in a free slot as another's: free slots over agents
 * away. Who must wait gets the slot of somebody who has just ended. Derived from the runner's rules for exponential times; what is found
 * decides how long a request takes and so how many are in hand, hence the rounds.
 */
export function foundShareOf(work: StandardProfile, endpoint: Endpoint, users: EndpointUsers): number {
  const { slots } = endpoint.placement;
  const { agents, awayMs, factors = AS_GIVEN } = users;
  if (agents < slots) return 1;
  let found = slots / agents;
  for (let round = 0; round < FOUND_ROUNDS; round++) {
    const mean = meanRound(work, endpoint, found, factors);
    const speeds = batchSpeeds(endpoint, mean, factors);
    const shop = {
      population: agents,
      thinkMs: awayMs,
      demandMs: 1 / roundsPerMs(endpoint, mean, 1, factors),
      speed: (inHand: number) => speeds[Math.min(inHand, speeds.length - 1)] as number,
      places: speeds.length - 1,
    };
    const free = meanOverArrivals(shop, (inHand) => (inHand >= slots ? 0 : (slots - inHand) / (agents - inHand)));
    found = (found + free) / 2;
  }
  return found;
}

const FOUND_ROUNDS = 5;

/** Requests per millisecond with `inSlots` at work. Prefill does not batch and stops decode, so it comes on top. */
export function roundsPerMs({ model, placement }: Endpoint, round: GpuRound, inSlots: number, factors = AS_GIVEN): number {
  const prefillMs = (round.newTokens / placement.prefillTokensPerSec) * 1_000;
  const alone = decodeSpeedup(model.batching, 1, round.contextTokens);
  const together = decodeSpeedup(model.batching, inSlots, round.contextTokens);
  const speedup = alone + (together - alone) * factors.batchGain;
  const decodeMs = (round.outputTokens / (placement.decodeTokensPerSec * speedup)) * 1_000;
  return factors.gpuSpeed / (prefillMs + decodeMs);
}

/** Who uses an endpoint, and what is known of them. */
export interface EndpointUsers {
  agents: number;
  /** Between two rounds of an agent, the other tasks that it does included, when nothing makes it wait. */
  awayMs: number;
  factors?: FleetFactors;
}

/** Work done with so many in hand over that with one; the list ends at the number of slots, beyond which requests wait. */
export function batchSpeeds(endpoint: Endpoint, round: GpuRound, factors = AS_GIVEN): number[] {
  const alone = roundsPerMs(endpoint, round, 1, factors);
  const speedOf = (inSlots: number) => (inSlots === 0 ? 0 : roundsPerMs(endpoint, round, inSlots, factors) / alone);
  return Array.from({ length: endpoint.placement.slots + 1 }, (_, inSlots) => speedOf(inSlots));
}

export function slotsAt(shape: GpuShape): number {
  const { model, settings } = endpointOf(shape);
  return slotsOf(model, settings);
}
