/** Ollama's settings and constants. Source, unless said otherwise: ollama/ollama HEAD fb3076099 (2026-08-21), see parameters.md A. */
import type { GpuType } from "./gpu-types.ts";

export interface OllamaSettings {
  gpu: GpuType;
  /** Cards of that type, used as one memory; their layers work one after the other, so they add memory and no speed. */
  gpuCount: number;
  /** OLLAMA_NUM_PARALLEL: requests that one loaded model serves at once. */
  numParallel: number;
  /** OLLAMA_MAX_QUEUE: requests that may wait for a model to be loaded. */
  maxQueue: number;
  /** OLLAMA_MAX_LOADED_MODELS; 0: three per GPU. */
  maxLoadedModels: number;
  /** OLLAMA_KEEP_ALIVE; Infinity: for ever. */
  keepAliveMs: number;
  /** OLLAMA_CONTEXT_LENGTH, for requests without num_ctx; 0: by the size of the memory. */
  contextTokens: number;
  /** The slower of disk and bus while a model is loaded. */
  loadBytesPerSec: number;
  /** What a load takes beside the copying. */
  loadOverheadMs: number;
  /** Memory bandwidth of the CPU, for the layers that do not fit on the GPU. */
  cpuBandwidthBytesPerSec: number;
}

/** Predicted memory must not exceed this share of what is free, or another model is evicted. server/sched.go, "80% of free memory as threshold". */
export const FIT_SHARE = 0.8;

/** Models per GPU when OLLAMA_MAX_LOADED_MODELS is not set. server/sched.go defaultModelsPerGPU. */
export const MODELS_PER_GPU = 3;

/** After an unload Ollama waits for the driver to report the memory free: "typical convergence is 0.5-1.5s" (waitForVRAMRecovery); the middle. */
export const VRAM_RECOVERY_MS = 1_000;

/** Compute buffers that a runner needs beside weights and KV cache. An assumption: logs of llama.cpp show 0.3 to 1 GB for 8B to 70B. */
export const GRAPH_BYTES = 0.5e9;

/** The body of the 503 when too many requests wait for a load; two spaces after the first sentence. server/sched.go:88. */
export const QUEUE_FULL_TEXT = "server busy, please try again.  maximum pending requests exceeded";

/** `gpu` alone has no default. */
export function ollamaSettings(given: Partial<OllamaSettings> & Pick<OllamaSettings, "gpu">): OllamaSettings {
  return { ...OLLAMA_DEFAULTS, ...given };
}

const OLLAMA_DEFAULTS: Omit<OllamaSettings, "gpu"> = {
  gpuCount: 1,
  // 1 since v0.10.0 of 2025-07 (envconfig/config.go:275).
  numParallel: 1,
  // 512 since 2024-05-04.
  maxQueue: 512,
  maxLoadedModels: 0,
  keepAliveMs: 5 * 60_000,
  contextTokens: 0,
  // 70B Q4 (42.5 GB) in 18 s from NVMe, 7B Q4 (4.7 GB) in 3.8 s, both with the overhead below: 2.6 and 2.0 GB/s (parameters.md A, "Model load time").
  loadBytesPerSec: 2.6e9,
  // "+ 1..2 s" of the formula there; the middle.
  loadOverheadMs: 1_500,
  // 70B Q4 on one 4090 and the CPU runs at 3.1 tokens/s (geerlingguy/ai-benchmarks): this bandwidth gives that.
  cpuBandwidthBytesPerSec: 65e9,
};

/** Total memory of the GPUs. */
export function totalVramBytes(settings: OllamaSettings): number {
  return settings.gpu.vramBytes * settings.gpuCount;
}

/** num_ctx when nobody sets it, by total memory: server/routes.go:2052-2056. */
export function defaultContextTokens(vramBytes: number): number {
  const gib = vramBytes / 2 ** 30;
  if (gib < 24) return 4_096;
  return gib < 48 ? 32_768 : 262_144;
}
