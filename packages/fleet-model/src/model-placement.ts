/** Where a model's layers lie and how fast it then is. */
import { speedAt } from "./gpu-types.ts";
import { activeBytes, type LlmModel, SINGLE_SLOT_ARCHITECTURES } from "./llm-models.ts";
import { GRAPH_BYTES, type OllamaSettings } from "./ollama-settings.ts";

export interface Placement {
  slots: number;
  /** num_ctx of each slot. */
  contextTokens: number;
  /** Weights, KV cache of all slots and compute buffers. */
  totalBytes: number;
  vramBytes: number;
  /** Share of the layers on the GPU; below 1: the CPU does the rest. */
  gpuShare: number;
  /** One sequence, short context. */
  decodeTokensPerSec: number;
  prefillTokensPerSec: number;
  loadMs: number;
}

/** llama-server is started with `-c num_ctx*NUM_PARALLEL -np NUM_PARALLEL` (llm/llama_server.go:375): each slot has its own KV memory. */
export function slotsOf(model: LlmModel, settings: OllamaSettings): number {
  return SINGLE_SLOT_ARCHITECTURES.has(model.architecture) ? 1 : settings.numParallel;
}

export function neededBytes(model: LlmModel, contextTokens: number, slots: number): number {
  return model.weightsBytes + model.kvBytesPerToken * contextTokens * slots + GRAPH_BYTES;
}

/** Places a model into `freeVramBytes`; what does not fit goes to the CPU. */
export function placeModel(
  model: LlmModel,
  settings: OllamaSettings,
  { contextTokens, freeVramBytes }: { contextTokens: number; freeVramBytes: number },
): Placement {
  const slots = slotsOf(model, settings);
  const totalBytes = neededBytes(model, contextTokens, slots);
  const vramBytes = Math.min(totalBytes, freeVramBytes);
  const gpuShare = vramBytes / totalBytes;
  const { decodeTokensPerSec, prefillTokensPerSec } = speedsOf(model, settings, gpuShare);
  return {
    slots,
    contextTokens,
    totalBytes,
    vramBytes,
    gpuShare,
    decodeTokensPerSec,
    prefillTokensPerSec,
    loadMs: (model.weightsBytes / settings.loadBytesPerSec) * 1_000 + settings.loadOverheadMs,
  };
}

/** On the GPUs alone, whatever their memory. */
export function gpuSpeeds(
  model: LlmModel,
  settings: OllamaSettings,
): Pick<Placement, "decodeTokensPerSec" | "prefillTokensPerSec"> {
  return speedsOf(model, settings, 1);
}

/** GPU and CPU take turns on a token: the times of their shares add up. */
function speedsOf(model: LlmModel, settings: OllamaSettings, gpuShare: number) {
  const cpuShare = 1 - gpuShare;
  const cpuDecodeTokensPerSec = settings.cpuBandwidthBytesPerSec / activeBytes(model);
  const both = (gpu: number, cpu: number) => 1 / (gpuShare / gpu + cpuShare / cpu);
  return {
    decodeTokensPerSec: both(speedAt(settings.gpu.decode, activeBytes(model)), cpuDecodeTokensPerSec),
    prefillTokensPerSec: both(
      speedAt(settings.gpu.prefill, model.activeParameters),
      CPU_PREFILL_OVER_DECODE * cpuDecodeTokensPerSec,
    ),
  };
}

/**
 * Prefill reads the weights once for many tokens, on the CPU too. An assumption: the one source with a part offloaded (24B on a
 * 3060, llama.cpp #12237) has 48 times the decode speed with Ollama and 6 times with llama-server.
 */
const CPU_PREFILL_OVER_DECODE = 10;
