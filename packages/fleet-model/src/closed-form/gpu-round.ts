/** Rounds of a conversation on a GPU: what a request asks of it on average, and how fast it is with several in hand. */
import { decodeSpeedup } from "../batching-curve.ts";
import type { GpuShape } from "../decision/fleet-shape.ts";
import type { StandardProfile } from "../decision/task-profile.ts";
import { gpuType } from "../gpu-types.ts";
import { llmModel, type LlmModel } from "../llm-models.ts";
import { type Placement, placeModel, slotsOf } from "../model-placement.ts";
import { type OllamaSettings, ollamaSettings, totalVramBytes } from "../ollama-settings.ts";
import { AS_GIVEN, type FleetFactors } from "./fleet-factors.ts";

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
 * prompt again. `agents` share the endpoint: while they are no more than slots each keeps its own. Above that the share of requests
 * that find theirs is taken as slots over agents, an approximation that `holdsFor` names.
 */
export function meanRound(
  work: StandardProfile,
  endpoint: Endpoint,
  agents: number,
  factors: FleetFactors = AS_GIVEN,
): GpuRound {
  const { slots, contextTokens: most } = endpoint.placement;
  const found = agents <= slots ? 1 : slots / agents;
  const later = Math.max(0, work.rounds - 1);
  const output = work.outputTokens * factors.tokens;
  const first = Math.min(most, work.promptTokens * factors.tokens);
  const appended = work.appendedTokens * factors.tokens;
  // A later round has one earlier round at least; over all rounds the mean is `earlierRounds`.
  const earlier = later > 0 ? (work.earlierRounds * work.rounds) / later : 0;
  const laterPrompt = Math.min(most, first + earlier * (appended + output));
  const laterNew = found * Math.min(appended, laterPrompt) + (1 - found) * laterPrompt;
  const prompt = (first + later * laterPrompt) / (1 + later);
  return {
    newTokens: (first + later * laterNew) / (1 + later),
    contextTokens: prompt + output / 2,
    outputTokens: output,
  };
}

/** Requests per millisecond with `inSlots` at work. Prefill does not batch and stops decode, so it comes on top. */
export function roundsPerMs({ model, placement }: Endpoint, round: GpuRound, inSlots: number, factors = AS_GIVEN): number {
  const prefillMs = (round.newTokens / placement.prefillTokensPerSec) * 1_000;
  const alone = decodeSpeedup(model.batching, 1, round.contextTokens);
  const together = decodeSpeedup(model.batching, inSlots, round.contextTokens);
  const speedup = alone + (together - alone) * factors.batchGain;
  const decodeMs = (round.outputTokens / (placement.decodeTokensPerSec * speedup)) * 1_000;
  return factors.gpuSpeed / (prefillMs + decodeMs);
}

/** Work done with so many in hand over that with one; the list ends at the number of slots. */
export function batchSpeeds(endpoint: Endpoint, round: GpuRound, factors = AS_GIVEN): number[] {
  const alone = roundsPerMs(endpoint, round, 1, factors);
  return Array.from({ length: endpoint.placement.slots + 1 }, (_, inSlots) =>
    inSlots === 0 ? 0 : roundsPerMs(endpoint, round, inSlots, factors) / alone,
  );
}

export function slotsAt(shape: GpuShape): number {
  const { model, settings } = endpointOf(shape);
  return slotsOf(model, settings);
}
