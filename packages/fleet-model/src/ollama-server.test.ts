import { describe, expect, it } from "vitest";
import { gpuType } from "./gpu-types.ts";
import { type LlmModel, llmModel } from "./llm-models.ts";
import type { OllamaEffect, OllamaRequest, OllamaTimings } from "./ollama-request.ts";
import { OllamaServer } from "./ollama-server.ts";
import { type OllamaSettings, ollamaSettings } from "./ollama-settings.ts";

const SMALL = model("llama3.1:8b");
const CODER = model("qwen2.5-coder:7b");
const LARGE = model("qwen2.5-coder:32b");

function model(name: string): LlmModel {
  const found = llmModel(name);
  if (!found) throw new Error(`no model ${name}`);
  return found;
}

/** An Ollama on a 4090 whose clock the test turns. */
class Bench {
  readonly server: OllamaServer;
  readonly effects: OllamaEffect[] = [];
  nowMs = 0;

  constructor(settings: Partial<OllamaSettings> = {}) {
    const gpu = gpuType("rtx4090");
    if (!gpu) throw new Error("no GPU");
    this.server = new OllamaServer(ollamaSettings({ gpu, contextTokens: 8_192, ...settings }), 0);
  }

  ask(id: string, given: Partial<OllamaRequest> = {}): this {
    const request = { id, model: SMALL, promptTokens: 1_000, outputTokens: 100, ...given };
    this.effects.push(...this.server.handle({ type: "request", request }, this.nowMs));
    return this;
  }

  cancel(id: string): this {
    this.effects.push(...this.server.handle({ type: "cancel", id }, this.nowMs));
    return this;
  }

  to(nowMs: number): this {
    this.nowMs = nowMs;
    this.effects.push(...this.server.advance(nowMs));
    return this;
  }

  /** Until all answers are there, but before keep-alives end. */
  untilQuiet(): this {
    for (let i = 0; i < 10_000; i++) {
      const busy = this.server.loadedModels().some(({ active, waiting }) => active + waiting > 0);
      const dueMs = this.server.nextDueMs();
      if (dueMs === Number.POSITIVE_INFINITY || (!busy && dueMs - this.nowMs > 60_000)) return this;
      this.to(dueMs);
    }
    throw new Error("never quiet");
  }

  of<K extends OllamaEffect["type"]>(type: K): Extract<OllamaEffect, { type: K }>[] {
    return this.effects.filter((effect): effect is Extract<OllamaEffect, { type: K }> => effect.type === type);
  }

  timings(id: string): OllamaTimings {
    const finished = this.of("finished").find((effect) => effect.id === id);
    if (!finished) throw new Error(`${id} has not finished`);
    return finished.timings;
  }

  order(): string[] {
    return this.of("finished").map(({ id }) => id);
  }
}

/** One with llama3.1:8b in memory. */
const warm = (settings: Partial<OllamaSettings> = {}) => {
  const bench = new Bench(settings);
  return bench.ask("warm-up").untilQuiet();
};

describe("a request", () => {
  it("takes load, prefill and decode times, and accounts for them apart", () => {
    const cold = new Bench().ask("a").untilQuiet().timings("a");
    expect(cold.loadMs).toBeCloseTo((4.92 / 2.6) * 1_000 + 1_500, 3);
    expect(cold.promptEvalMs).toBeCloseTo((1_000 / 6_899) * 1_000, 0);
    // 1,050 tokens of context on average: between the measured lengths, a little below the full speed.
    expect(100 / (cold.evalMs / 1_000)).toBeGreaterThan(0.97 * 127.7);
    expect(cold.totalMs).toBeCloseTo(cold.loadMs + cold.promptEvalMs + cold.evalMs, 1);
    expect(cold).toMatchObject({ promptTokens: 1_000, outputTokens: 100, cachedTokens: 0 });
  });

  it("waits for a slot outside of all parts but the total", () => {
    const bench = warm().ask("a").ask("b").untilQuiet();
    const { totalMs, loadMs, promptEvalMs, evalMs } = bench.timings("b");
    expect(loadMs).toBe(0);
    expect(totalMs - promptEvalMs - evalMs).toBeCloseTo(bench.timings("a").totalMs, 3);
  });

  it("without a prompt only loads", () => {
    const bench = new Bench().ask("load", { promptTokens: 0, outputTokens: 0 }).untilQuiet();
    expect(bench.timings("load")).toMatchObject({ outputTokens: 0, evalMs: 0 });
    expect(bench.server.loadedModels()).toHaveLength(1);
  });

  it("is cut to the context", () => {
    expect(warm().ask("long", { promptTokens: 50_000 }).untilQuiet().timings("long").promptTokens).toBe(8_192);
  });

  it("finds its conversation in the slot and prefills only what is new", () => {
    const bench = warm().ask("a", { conversation: "c", promptTokens: 4_000 }).untilQuiet();
    bench.ask("b", { conversation: "c", promptTokens: 4_300 }).untilQuiet();
    expect(bench.timings("b")).toMatchObject({ promptTokens: 4_300, cachedTokens: 4_100 });
    expect(bench.timings("b").promptEvalMs).toBeLessThan(bench.timings("a").promptEvalMs / 10);
    bench.ask("other", { conversation: "d" }).untilQuiet().ask("c", { conversation: "c", promptTokens: 4_600 }).untilQuiet();
    expect(bench.timings("c").cachedTokens).toBe(0);
  });
});

describe("NUM_PARALLEL", () => {
  const secondsFor = (count: number, numParallel: number) => {
    const bench = warm({ numParallel });
    const beganMs = bench.nowMs;
    for (let i = 0; i < count; i++) bench.ask(`${i}`, { promptTokens: 10, outputTokens: 500 });
    return (bench.untilQuiet().nowMs - beganMs) / 1_000;
  };

  it.each([1, 2, 4, 8, 16])("1: %d requests come one after the other", (count) => {
    expect(secondsFor(count, 1)).toBeCloseTo(count * secondsFor(1, 1), 3);
  });

  it.each([
    [2, 2 / 1.028],
    [4, 4 / (1 + 3 * 0.028)],
    [8, 8 / (1 + 7 * 0.028)],
  ])("%d: as many decode together, at the batching curve's speed", (count, speedup) => {
    expect((count * secondsFor(1, count)) / secondsFor(count, count)).toBeCloseTo(speedup, 1);
  });

  it("does not batch prefill, which stops decode", () => {
    const bench = warm({ numParallel: 2 }).ask("talker", { promptTokens: 1, outputTokens: 1_000 });
    bench.to(bench.nowMs + 1_000);
    const beforeTokens = bench.server.outputTokens("talker");
    bench.ask("reader", { promptTokens: 6_899, outputTokens: 1 });
    bench.to(bench.nowMs + 990);
    expect(bench.server.outputTokens("talker")).toBe(beforeTokens);
    bench.to(bench.nowMs + 100);
    expect(bench.server.outputTokens("talker")).toBeGreaterThan(beforeTokens);
    const alone = bench.untilQuiet().timings("talker").evalMs;
    expect(alone).toBeGreaterThan(1_000 / 0.1277 + 900);
  });

  it("sums prompts: four of 1,000 tokens take as long as one of 4,000", () => {
    const bench = warm({ numParallel: 4 });
    const beganMs = bench.nowMs;
    for (const id of ["a", "b", "c", "d"]) bench.ask(id, { outputTokens: 1 });
    bench.untilQuiet();
    const last = bench.of("answering").findLast(({ id }) => id !== "warm-up");
    expect((last?.atMs ?? 0) - beganMs).toBeCloseTo((4_000 / 6_899) * 1_000, 0);
  });

  it("is 1 for architectures that cannot do more", () => {
    const single = { ...SMALL, name: "qwen3vl:8b", architecture: "qwen3vl" };
    const bench = new Bench({ numParallel: 4 }).ask("a", { model: single }).ask("b", { model: single }).to(4_000);
    expect(bench.server.loadedModels()).toMatchObject([{ active: 1, waiting: 1 }]);
  });

  it("multiplies the memory of the KV cache", () => {
    const size = (numParallel: number) => warm({ numParallel }).server.loadedModels()[0]?.totalBytes ?? 0;
    expect(size(4) - size(1)).toBeCloseTo(3 * 8_192 * 131_072, -3);
  });
});

describe("MAX_QUEUE", () => {
  it("does not bind a loaded model: 600 requests wait, none is refused", () => {
    const bench = warm({ maxQueue: 512 });
    for (let i = 0; i < 600; i++) bench.ask(`${i}`, { promptTokens: 1, outputTokens: 1 });
    expect(bench.server.loadedModels()).toMatchObject([{ active: 1, waiting: 599 }]);
    expect(bench.of("refused")).toEqual([]);
    expect(bench.untilQuiet().order().slice(1)).toEqual(Array.from({ length: 600 }, (_, i) => `${i}`));
  });

  it("bounds those that need a load: the first is with the loop, 512 wait, the next is refused", () => {
    const bench = warm().ask("busy", { outputTokens: 5_000 });
    bench.ask("first", { model: LARGE });
    for (let i = 0; i < 513; i++) bench.ask(`${i}`, { model: LARGE });
    expect(bench.server.pendingCount).toBe(512);
    expect(bench.of("refused").map(({ id }) => id)).toEqual(["512"]);
    bench.ask("loaded model", { outputTokens: 1 }).untilQuiet();
    expect(bench.order()).toHaveLength(2 + 513 + 1);
  });

  it("counts cancelled requests until the loop comes to them", () => {
    const bench = warm({ maxQueue: 2 }).ask("busy", { outputTokens: 5_000 }).ask("head", { model: LARGE });
    bench.ask("a", { model: LARGE }).ask("b", { model: LARGE }).cancel("a").cancel("b").ask("c", { model: LARGE });
    expect(bench.of("refused").map(({ id }) => id)).toEqual(["c"]);
    expect(bench.untilQuiet().order()).toEqual(["warm-up", "busy", "head"]);
  });
});

describe("models in memory", () => {
  it("stay beside each other while 80 % of the free memory hold the next", () => {
    const bench = warm().ask("b", { model: CODER }).untilQuiet();
    expect(bench.server.loadedModels().map(({ model: { name } }) => name)).toEqual([SMALL.name, CODER.name]);
    expect(bench.of("model_unloaded")).toEqual([]);
  });

  it("make room when they do not fit, after the requests in hand, with a pause for the memory", () => {
    const bench = warm().ask("busy", { outputTokens: 1_000 }).ask("large", { model: LARGE }).untilQuiet();
    const busyEnd = bench.of("finished").find(({ id }) => id === "busy")?.atMs ?? 0;
    expect(bench.of("model_unloaded")).toMatchObject([{ model: SMALL.name, atMs: busyEnd }]);
    expect(bench.of("model_loaded").at(-1)?.atMs).toBeCloseTo(busyEnd + 1_000 + (19.85 / 2.6) * 1_000 + 1_500, 3);
  });

  it("block everybody who needs a load behind the first that waits", () => {
    const bench = warm().ask("busy", { outputTokens: 2_000 }).ask("large", { model: LARGE }).ask("coder", { model: CODER });
    bench.to(bench.nowMs + 10_000);
    expect(bench.of("model_loaded").map(({ model: name }) => name)).toEqual([SMALL.name]);
    bench.untilQuiet();
    expect(bench.order().slice(1)).toEqual(["busy", "large", "coder"]);
  });

  it("can starve who waits for room: a marked model that is still asked for stays", () => {
    const bench = warm({ numParallel: 2 }).ask("large", { model: LARGE, outputTokens: 1 });
    expect(bench.of("model_unloaded")).toHaveLength(1);
    const busy = warm({ numParallel: 2 }).ask("0", { outputTokens: 1_000 }).ask("large", { model: LARGE });
    for (let i = 1; i < 20; i++) busy.to(busy.nowMs + 4_000).ask(`${i}`, { outputTokens: 1_000 });
    expect(busy.of("model_unloaded")).toEqual([]);
    expect(busy.untilQuiet().order()).toContain("large");
  });

  it("are unmarked by a request that brings its own keep-alive, and who waits for room waits on", () => {
    const bench = warm().ask("busy", { outputTokens: 1_000 }).ask("large", { model: LARGE });
    bench
      .ask("keeps it", { keepAliveMs: Number.POSITIVE_INFINITY })
      .untilQuiet()
      .to(bench.nowMs + 3_600_000);
    expect(bench.order()).toEqual(["warm-up", "busy", "keeps it"]);
    bench.effects.push(...bench.server.handle({ type: "unload", model: SMALL.name }, bench.nowMs));
    expect(bench.untilQuiet().order()).toContain("large");
  });

  it("are evicted in the order of their keep-alive, idle ones first", () => {
    const settings = { maxLoadedModels: 2 };
    const third = { ...CODER, name: "third:7b" };
    const idle = new Bench(settings).ask("a", { keepAliveMs: 400_000 }).untilQuiet();
    idle.ask("b", { model: CODER, keepAliveMs: 350_000 }).untilQuiet().ask("c", { model: third }).untilQuiet();
    expect(idle.of("model_unloaded").map(({ model: name }) => name)).toEqual([CODER.name]);
    const oneBusy = new Bench(settings).ask("a", { keepAliveMs: 400_000 }).untilQuiet();
    oneBusy.ask("b", { model: CODER, keepAliveMs: 350_000, outputTokens: 5_000 }).to(oneBusy.nowMs + 6_000);
    oneBusy.ask("c", { model: third }).untilQuiet();
    expect(oneBusy.of("model_unloaded").map(({ model: name }) => name)).toEqual([SMALL.name]);
  });

  it("are three to a GPU", () => {
    const bench = new Bench({ contextTokens: 512 });
    for (const name of ["a", "b", "c", "d"]) bench.ask(name, { model: { ...CODER, name, weightsBytes: 1e9 } }).untilQuiet();
    expect(bench.server.loadedModels().map(({ model: { name } }) => name)).toEqual(["b", "c", "d"]);
  });

  it("leave after their keep-alive, counted from the end of the last request", () => {
    const bench = warm();
    const idleMs = bench.of("finished")[0]?.atMs ?? 0;
    expect(bench.server.nextDueMs()).toBeCloseTo(idleMs + 300_000, 6);
    bench
      .to(idleMs + 200_000)
      .ask("again")
      .untilQuiet();
    const againMs = bench.of("finished")[1]?.atMs ?? 0;
    bench.to(againMs + 299_999);
    expect(bench.of("model_unloaded")).toEqual([]);
    bench.to(againMs + 300_001);
    expect(bench.of("model_unloaded")).toMatchObject([{ atMs: expect.closeTo(againMs + 300_000, 3) }]);
  });

  it("leave at once with keep-alive 0, never with Infinity", () => {
    expect(warm().ask("a", { keepAliveMs: 0 }).to(20_000).of("model_unloaded")).toHaveLength(1);
    expect(warm().ask("a", { keepAliveMs: Number.POSITIVE_INFINITY }).to(1e9).of("model_unloaded")).toHaveLength(0);
  });

  it("are loaded again for another num_ctx", () => {
    const bench = warm().ask("b", { contextTokens: 16_384 }).untilQuiet();
    expect(bench.of("model_loaded")).toHaveLength(2);
    expect(bench.server.loadedModels()).toMatchObject([{ contextTokens: 16_384 }]);
  });

  it("share the GPU's time", () => {
    const bench = warm().ask("b", { model: CODER }).untilQuiet();
    const alone = bench.timings("warm-up").evalMs;
    bench.ask("x", { outputTokens: 1_000 }).ask("y", { model: CODER, outputTokens: 1_500 }).untilQuiet();
    expect(bench.timings("x").evalMs / (10 * alone)).toBeCloseTo(2, 1);
  });
});

describe("a client that leaves", () => {
  it("frees its place in the queue at once", () => {
    const bench = warm().ask("a").ask("b").ask("c").cancel("b").untilQuiet();
    expect(bench.order()).toEqual(["warm-up", "a", "c"]);
  });

  it("frees its slot at once during decode, but only after its prefill", () => {
    const bench = warm().ask("a", { promptTokens: 8_000, outputTokens: 1_000 }).ask("b");
    bench.to(bench.nowMs + 100).cancel("a");
    expect(bench.server.loadedModels()).toMatchObject([{ active: 1, waiting: 1 }]);
    bench.untilQuiet();
    const beganMs = bench.of("answering").find(({ id }) => id === "b")?.atMs ?? 0;
    expect(bench.timings("b").totalMs).toBeGreaterThan((8_000 / 6_899) * 1_000 + 700);
    expect(bench.order()).toEqual(["warm-up", "b"]);
    bench
      .ask("c", { outputTokens: 1_000 })
      .to(bench.nowMs + 500)
      .ask("d")
      .cancel("c");
    expect(bench.server.loadedModels()).toMatchObject([{ active: 1, waiting: 0 }]);
    expect(beganMs).toBeGreaterThan(0);
  });

  it("ends the load that it caused; those that joined go on", () => {
    const bench = new Bench().ask("a").ask("b").to(1_000).cancel("a").untilQuiet();
    expect(bench.order()).toEqual(["b"]);
    expect(bench.timings("b").loadMs).toBeCloseTo(1_000 + 1_000 + (4.92 / 2.6) * 1_000 + 1_500, 0);
  });
});
