import { describe, expect, it } from "vitest";
import { GPU_TYPES, gpuType, speedAt } from "./gpu-types.ts";
import { activeBytes, llmModel } from "./llm-models.ts";
import { placeModel } from "./model-placement.ts";
import { ollamaSettings } from "./ollama-settings.ts";

const gpu = (id: string) => {
  const found = gpuType(id);
  if (!found) throw new Error(`no GPU ${id}`);
  return found;
};
const model = (name: string) => {
  const found = llmModel(name);
  if (!found) throw new Error(`no model ${name}`);
  return found;
};

describe("single-stream speed", () => {
  it.each([
    ["rtx3070", 70.9, 2284],
    ["rtx3090", 111.7, 3865],
    ["rtx4090", 127.7, 6899],
    ["a100-80", 133.4, 5864],
    ["h100-80", 144.5, 7760],
    ["m1-max-64", 34.5, 355],
    ["m2-ultra-192", 76.3, 1024],
    ["m3-max-64", 50.7, 678],
  ])("%s runs 8B at %d tokens/s and prefills at %d", (id, decode, prefill) => {
    const { decode: decodePoints, prefill: prefillPoints } = gpu(id);
    const llama = model("llama3.1:8b");
    expect(speedAt(decodePoints, activeBytes(llama))).toBeCloseTo(decode, 6);
    expect(speedAt(prefillPoints, llama.activeParameters)).toBeCloseTo(prefill, 6);
  });

  it.each([
    ["rtx3090", 16.3, 394],
    ["rtx4090", 19.1, 905],
    ["a100-80", 24.3, 797],
    ["h100-80", 25.0, 984],
    ["m2-ultra-192", 12.1, 118],
  ])("%s runs 70B at %d tokens/s and prefills at %d", (id, decode, prefill) => {
    const llama = model("llama3.1:70b");
    expect(speedAt(gpu(id).decode, activeBytes(llama))).toBeCloseTo(decode, 6);
    expect(speedAt(gpu(id).prefill, llama.activeParameters)).toBeCloseTo(prefill, 6);
  });

  // Not used to make the lines; the newer runs are of builds that are up to half faster.
  it.each([
    ["rtx4090", "deepseek-r1:14b", 92.5],
    ["rtx3060", "deepseek-r1:14b", 29.8],
    ["gb10", "deepseek-r1:14b", 23.9],
    ["rtx4090", "gpt-oss:20b", 279.7],
    ["gb10", "gpt-oss:20b", 88],
  ])("%s on %s comes within a third of %d tokens/s", (id, name, measured) => {
    const speed = speedAt(gpu(id).decode, activeBytes(model(name)));
    expect(Math.abs(speed / measured - 1)).toBeLessThan(1 / 3);
  });

  it("never exceeds what the memory's bandwidth allows", () => {
    for (const { decode, bandwidthBytesPerSec } of GPU_TYPES) {
      for (const { size } of decode) expect(speedAt(decode, size) * size).toBeLessThan(bandwidthBytesPerSec);
    }
  });
});

describe("a model that does not fit", () => {
  it("is six times slower: 70B on one 4090 with the CPU, 3.1 tokens/s against 19.1 on two", () => {
    const settings = ollamaSettings({ gpu: gpu("rtx4090") });
    const place = (freeVramBytes: number) =>
      placeModel(model("llama3.1:70b"), settings, { contextTokens: 4_096, freeVramBytes });
    expect(place(24 * 2 ** 30).decodeTokensPerSec / 3.1).toBeCloseTo(1, 0.9);
    expect(place(48 * 2 ** 30)).toMatchObject({ gpuShare: 1, decodeTokensPerSec: expect.closeTo(19.1, 6) });
    expect(place(24 * 2 ** 30).gpuShare).toBeLessThan(0.6);
  });
});

describe("load times", () => {
  it.each([
    ["NVMe", 2.6e9, 18],
    ["SATA", 0.586e9, 74],
  ])("70B Q4 from %s", (_disk, loadBytesPerSec, seconds) => {
    const settings = ollamaSettings({ gpu: gpu("a100-80"), loadBytesPerSec });
    const { loadMs } = placeModel(model("llama3.1:70b"), settings, { contextTokens: 4_096, freeVramBytes: 80e9 });
    expect(loadMs / 1_000 / seconds).toBeCloseTo(1, 1);
  });
});
