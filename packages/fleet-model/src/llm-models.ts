/** Models as Ollama serves them, as data. */
import { type BatchingAtContext, DENSE_BATCHING, MOE_20B_BATCHING, MOE_30B_BATCHING } from "./batching-curve.ts";

/**
 * Sizes are those of the default tag in Ollama's library. Layers, KV heads and head width come from each model's published
 * config.json; they give the KV cache's bytes per token at 16 bits: 2 (K and V) × layers × KV heads × head width × 2 bytes.
 */
export interface LlmModel {
  /** As Ollama names it, with its tag. */
  name: string;
  /** `general.architecture` of the model file: some are held to one request at a time. */
  architecture: string;
  parameters: number;
  quantization: string;
  weightsBytes: number;
  /** Parameters that a token passes through; fewer than all in a mixture of experts. */
  activeParameters: number;
  kvBytesPerToken: number;
  maxContextTokens: number;
  batching: readonly BatchingAtContext[];
}

const kvBytes = ({ layers, kvHeads, headWidth }: { layers: number; kvHeads: number; headWidth: number }) =>
  2 * layers * kvHeads * headWidth * 2;

export const LLM_MODELS: readonly LlmModel[] = [
  {
    name: "llama3.1:8b",
    architecture: "llama",
    parameters: 8.03e9,
    quantization: "Q4_K_M",
    weightsBytes: 4.92e9,
    activeParameters: 8.03e9,
    kvBytesPerToken: kvBytes({ layers: 32, kvHeads: 8, headWidth: 128 }),
    maxContextTokens: 131_072,
    batching: DENSE_BATCHING,
  },
  {
    name: "llama3.1:70b",
    architecture: "llama",
    parameters: 70.6e9,
    quantization: "Q4_K_M",
    weightsBytes: 42.5e9,
    activeParameters: 70.6e9,
    kvBytesPerToken: kvBytes({ layers: 80, kvHeads: 8, headWidth: 128 }),
    maxContextTokens: 131_072,
    batching: DENSE_BATCHING,
  },
  {
    name: "qwen2.5-coder:7b",
    architecture: "qwen2",
    parameters: 7.62e9,
    quantization: "Q4_K_M",
    weightsBytes: 4.68e9,
    activeParameters: 7.62e9,
    kvBytesPerToken: kvBytes({ layers: 28, kvHeads: 4, headWidth: 128 }),
    maxContextTokens: 32_768,
    batching: DENSE_BATCHING,
  },
  {
    name: "qwen2.5-coder:32b",
    architecture: "qwen2",
    parameters: 32.8e9,
    quantization: "Q4_K_M",
    weightsBytes: 19.85e9,
    activeParameters: 32.8e9,
    kvBytesPerToken: kvBytes({ layers: 64, kvHeads: 8, headWidth: 128 }),
    maxContextTokens: 32_768,
    batching: DENSE_BATCHING,
  },
  {
    name: "deepseek-r1:14b",
    architecture: "qwen2",
    parameters: 14.8e9,
    quantization: "Q4_K_M",
    weightsBytes: 8.99e9,
    activeParameters: 14.8e9,
    kvBytesPerToken: kvBytes({ layers: 48, kvHeads: 8, headWidth: 128 }),
    maxContextTokens: 131_072,
    batching: DENSE_BATCHING,
  },
  {
    name: "gpt-oss:20b",
    architecture: "gptoss",
    parameters: 20.9e9,
    quantization: "MXFP4",
    weightsBytes: 13.8e9,
    activeParameters: 3.6e9,
    // Half of the layers keep a window of 128 tokens only; counted in full, so memory is over- rather than understated.
    kvBytesPerToken: kvBytes({ layers: 24, kvHeads: 8, headWidth: 64 }),
    maxContextTokens: 131_072,
    batching: MOE_20B_BATCHING,
  },
  {
    name: "qwen3-coder:30b",
    architecture: "qwen3moe",
    parameters: 30.5e9,
    quantization: "Q4_K_M",
    weightsBytes: 18.6e9,
    activeParameters: 3.3e9,
    kvBytesPerToken: kvBytes({ layers: 48, kvHeads: 4, headWidth: 128 }),
    maxContextTokens: 262_144,
    batching: MOE_30B_BATCHING,
  },
];

/** By name; a name without a tag means `:latest` to Ollama, which these models do not have. */
export function llmModel(name: string): LlmModel | undefined {
  return LLM_MODELS.find((model) => model.name === name);
}

/** What one decode step of one sequence reads: all weights, or the experts' share of them. */
export function activeBytes(model: LlmModel): number {
  return model.weightsBytes * (model.activeParameters / model.parameters);
}

/**
 * Architectures that Ollama runs with one slot whatever NUM_PARALLEL says (server/sched.go load(), HEAD fb3076099 of 2026-08-21).
 * It does the same for embedding models, which have no part here.
 */
export const SINGLE_SLOT_ARCHITECTURES: ReadonlySet<string> = new Set([
  "mllama",
  "qwen3vl",
  "qwen3vlmoe",
  "qwen35",
  "qwen35moe",
  "qwen3next",
  "lfm2",
  "lfm2moe",
  "nemotron_h",
  "nemotron_h_moe",
  "nemotron_h_omni",
]);
