/** GPUs as data. Speeds are single-stream, llama.cpp or Ollama; parameters.md A, "Single-stream speed", unless said otherwise. */

/** A measured speed: `size` is bytes read per token for decode, active parameters for prefill. */
export interface SpeedPoint {
  size: number;
  tokensPerSec: number;
}

export interface GpuType {
  id: string;
  label: string;
  vramBytes: number;
  /** The vendor's figure; decode reaches 35 to 85 % of it. */
  bandwidthBytesPerSec: number;
  /** Apple's and similar: nothing to wait for after an unload, since Ollama polls discrete cards only. */
  unifiedMemory: boolean;
  decode: readonly SpeedPoint[];
  prefill: readonly SpeedPoint[];
}

const GB = 1e9;
const GIB = 2 ** 30;

/** File sizes of Llama 3 as Q4_K_M (4.58 and 39.6 GiB): what a decode step reads. */
const LLAMA_8B_BYTES = 4.92 * GB;
const LLAMA_70B_BYTES = 42.5 * GB;
const LLAMA_8B_PARAMETERS = 8.03e9;
const LLAMA_70B_PARAMETERS = 70.6e9;
/** DeepSeek-R1 14B as Q4_K_M. */
const DEEPSEEK_14B_BYTES = 8.99 * GB;

/**
 * Rows of XiongjieDai/GPU-Benchmarks-on-LLM-Inference (2024-05-12; newer builds are 10-50 % faster): [8B, 70B]. The 70B rates of
 * the 3090 and 4090 are of two cards, which work one after the other on their layers, so they hold for one as far as it has the memory.
 */
const decode = (small: number, large?: number) => points([LLAMA_8B_BYTES, small], [LLAMA_70B_BYTES, large]);
const prefill = (small: number, large?: number) => points([LLAMA_8B_PARAMETERS, small], [LLAMA_70B_PARAMETERS, large]);

function points(...rows: [size: number, tokensPerSec: number | undefined][]): SpeedPoint[] {
  return rows.flatMap(([size, tokensPerSec]) => (tokensPerSec === undefined ? [] : [{ size, tokensPerSec }]));
}

export const GPU_TYPES: readonly GpuType[] = [
  {
    id: "rtx3060",
    label: "RTX 3060 12 GB",
    vramBytes: 12 * GIB,
    bandwidthBytesPerSec: 360 * GB,
    unifiedMemory: false,
    // geerlingguy/ai-benchmarks 2025-12-18; no 8B run was found.
    decode: [{ size: DEEPSEEK_14B_BYTES, tokensPerSec: 29.8 }],
    // Not measured: the 3070's, by their FP32 rates (12.7 of 20.3 TFLOPS, vendor's figures).
    prefill: prefill(2_284 * (12.7 / 20.3)),
  },
  {
    id: "rtx3070",
    label: "RTX 3070 8 GB",
    vramBytes: 8 * GIB,
    bandwidthBytesPerSec: 448 * GB,
    unifiedMemory: false,
    decode: decode(70.9),
    prefill: prefill(2_284),
  },
  {
    id: "rtx3090",
    label: "RTX 3090 24 GB",
    vramBytes: 24 * GIB,
    bandwidthBytesPerSec: 936 * GB,
    unifiedMemory: false,
    decode: decode(111.7, 16.3),
    prefill: prefill(3_865, 394),
  },
  {
    id: "rtx4090",
    label: "RTX 4090 24 GB",
    vramBytes: 24 * GIB,
    bandwidthBytesPerSec: 1_008 * GB,
    unifiedMemory: false,
    decode: decode(127.7, 19.1),
    prefill: prefill(6_899, 905),
  },
  {
    id: "a100-80",
    label: "A100 SXM 80 GB",
    vramBytes: 80 * GIB,
    bandwidthBytesPerSec: 2_039 * GB,
    unifiedMemory: false,
    decode: decode(133.4, 24.3),
    prefill: prefill(5_864, 797),
  },
  {
    id: "h100-80",
    label: "H100 PCIe 80 GB",
    vramBytes: 80 * GIB,
    bandwidthBytesPerSec: 2_000 * GB,
    unifiedMemory: false,
    decode: decode(144.5, 25.0),
    prefill: prefill(7_760, 984),
  },
  {
    id: "gb10",
    label: "GB10 128 GB",
    vramBytes: 128 * GIB,
    bandwidthBytesPerSec: 273 * GB,
    unifiedMemory: true,
    // geerlingguy/ai-benchmarks 2025-12-18.
    decode: points([DEEPSEEK_14B_BYTES, 23.9], [LLAMA_70B_BYTES, 4.7]),
    // Dense 7B, llama.cpp benches/dgx-spark.md 2025-11-02: 2,379 to 2,417, flat in the batch.
    prefill: [{ size: 7.6e9, tokensPerSec: 2_400 }],
  },
  {
    id: "m1-max-64",
    label: "M1 Max, 32 GPU cores, 64 GB",
    vramBytes: 64 * GIB,
    bandwidthBytesPerSec: 400 * GB,
    unifiedMemory: true,
    decode: decode(34.5, 4.1),
    prefill: prefill(355, 33),
  },
  {
    id: "m2-ultra-192",
    label: "M2 Ultra, 76 GPU cores, 192 GB",
    vramBytes: 192 * GIB,
    bandwidthBytesPerSec: 800 * GB,
    unifiedMemory: true,
    decode: decode(76.3, 12.1),
    prefill: prefill(1_024, 118),
  },
  {
    id: "m3-max-64",
    label: "M3 Max, 40 GPU cores, 64 GB",
    vramBytes: 64 * GIB,
    bandwidthBytesPerSec: 400 * GB,
    unifiedMemory: true,
    decode: decode(50.7, 7.5),
    prefill: prefill(678, 63),
  },
];

export function gpuType(id: string): GpuType | undefined {
  return GPU_TYPES.find((gpu) => gpu.id === id);
}

/**
 * Tokens/s at a size that was not measured. The time per token is a fixed part plus a part in proportion to the size, the line
 * through the two measured points; where that line would begin below 0, a power law goes through them. One point: a proportion.
 * Held against what was not used to make it: DeepSeek 14B on a 4090 79 (measured 92.5, a newer build), gpt-oss 20B on a 4090 208
 * (279.7). A 27B on a 3090 comes out at 40 where one source has 20 to 22.
 */
export function speedAt(measured: readonly SpeedPoint[], size: number): number {
  const [first, second] = measured;
  if (!first) throw new Error("a GPU type has no measured speed");
  if (!second) return (first.tokensPerSec * first.size) / size;
  const secPerUnit = (1 / second.tokensPerSec - 1 / first.tokensPerSec) / (second.size - first.size);
  const fixedSec = 1 / first.tokensPerSec - secPerUnit * first.size;
  if (fixedSec >= 0) return 1 / (fixedSec + secPerUnit * size);
  const exponent = Math.log(first.tokensPerSec / second.tokensPerSec) / Math.log(second.size / first.size);
  return first.tokensPerSec * (first.size / size) ** exponent;
}
