/** One GPU and what its agents ask of it: the question that the stub, the closed form and the reader share. */
import {
  type AgentRound,
  type Distribution,
  type GpuAnswer,
  type GpuType,
  type LlmModel,
  type OllamaSettings,
  ollamaSettings,
  placeModel,
  solveGpu,
  totalVramBytes,
} from "@hubscale/fleet-model";

export interface GpuSetting {
  gpu: GpuType;
  model: LlmModel;
  contextTokens: number;
  /** Means. */
  round: AgentRound;
  /** How they vary: exponential is what the closed form assumes. */
  sizes: "exponential" | "constant";
  /** Requests that make one task. */
  roundsPerTask: number;
}

export interface GpuCase {
  agents: number;
  numParallel: number;
}

export function settingsOf({ gpu, contextTokens }: GpuSetting, { numParallel }: GpuCase): OllamaSettings {
  return ollamaSettings({ gpu, numParallel, contextTokens, keepAliveMs: Number.POSITIVE_INFINITY });
}

/** `round`: the means to solve it for, those of the setting or those that a run really had. */
export function solveCase(setting: GpuSetting, one: GpuCase, round: AgentRound): GpuAnswer {
  const settings = settingsOf(setting, one);
  const { model, contextTokens } = setting;
  const placement = placeModel(model, settings, { contextTokens, freeVramBytes: totalVramBytes(settings) });
  return solveGpu({ agents: one.agents, round, model, placement });
}

export function varying({ sizes }: GpuSetting, mean: number): Distribution {
  return sizes === "constant" ? { kind: "constant", value: mean } : { kind: "exponential", mean };
}
