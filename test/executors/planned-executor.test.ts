/** Tasks done for real: HTTP to the stubs, cores and memory of a host, the same work for the same number. */
import { CLAUDE_TIERS, gpuType, ollamaSettings, readWorkMix } from "@hubscale/fleet-model";
import { type ProgressEvent, seededRandom, systemClock, type TaskResult } from "@hubscale/sidecar-sim";
import { PlannedExecutor, type PlannedWork, ScaledTime, SimulatedHost } from "@hubscale/sidecar-sim/executors";
import { type ClaudeStubOptions, startClaudeStub, startOllamaStub } from "@hubscale/sidecar-sim/stubs";
import { afterEach, describe, expect, it } from "vitest";

const SCALE = 100;
const MODEL = "llama3.1:8b";
const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function mixOf(tiers: object) {
  const read = readWorkMix(tiers);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value;
}

const SMALL = mixOf({
  trivial: { share: 1, cpu_s: 4, wait_s: 2, ram_gb: 1 },
  standard: { share: 1, rounds: 2, prompt_tokens: 500, appended_tokens: 100, output_tokens: 40, tool_s: 1 },
  complex: { share: 1, steps: 3, context_tokens: 30_000, appended_tokens: 200, output_tokens: "exp:50", tool_s: 1 },
});

async function ollama() {
  const gpu = gpuType("rtx4090");
  if (!gpu) throw new Error("no GPU");
  const stub = await startOllamaStub({
    port: 0,
    settings: ollamaSettings({ gpu, contextTokens: 16_384 }),
    answerTokens: { kind: "constant", value: Number.POSITIVE_INFINITY },
    random: seededRandom(1),
    clock: systemClock,
    timeScale: SCALE,
  });
  closing.push(() => stub.close());
  return stub;
}

async function claude(options: Partial<ClaudeStubOptions> = {}) {
  const stub = await startClaudeStub({
    port: 0,
    tier: CLAUDE_TIERS["scale"] ?? noTier(),
    answerTokens: { kind: "constant", value: 7 },
    overloadedShare: 0,
    brokenOffShare: 0,
    tokensPerEvent: 1,
    random: seededRandom(1),
    clock: systemClock,
    timeScale: SCALE,
    ...options,
  });
  closing.push(() => stub.close());
  return stub;
}

const noTier = (): never => {
  throw new Error("no tier");
};

function executor(given: Partial<PlannedWork> = {}) {
  const time = new ScaledTime(systemClock, SCALE);
  const spec = { name: "box", cores: 2, ramBytes: 8e9, agents: 1, gpu: undefined };
  const made = new PlannedExecutor({
    mix: SMALL,
    seed: 5,
    host: new SimulatedHost(spec, time),
    time,
    claudeUrl: "http://127.0.0.1:9",
    claudeModel: "claude-sonnet-5",
    apiKey: "stub",
    ollamaModel: MODEL,
    contextTokens: 16_384,
    ...given,
  });
  closing.push(() => made.close());
  return made;
}

type Tier = "trivial" | "standard" | "complex";

function assigned(tier: Tier, { number = 1, endpoint = null }: { number?: number; endpoint?: string | null } = {}) {
  return {
    taskId: `task-${number}`,
    generation: 1,
    assignment: {
      metadata: { task_number: number },
      routing_decision: {
        effective_tier: tier,
        target_type: ({ trivial: "sidecar", standard: "ollama", complex: "claude" } as const)[tier],
        selected_endpoint: endpoint,
        selected_model: tier === "standard" ? MODEL : null,
        fallback_used: false,
        fallback_reason: null,
        classification_reason: "",
        estimated_cost_tier: "free" as const,
      },
    },
  };
}

/** A planned executor goes by the signal. */
const noAbort = () => undefined;

async function run(on: PlannedExecutor, task: ReturnType<typeof assigned>, signal = new AbortController().signal) {
  const progress: ProgressEvent[] = [];
  const result: TaskResult = await on.run(task, { signal, onAbort: noAbort, onProgress: (event) => progress.push(event) });
  return { result, progress };
}

describe("a trivial task", () => {
  it("takes its CPU and its waiting, and moves nothing", async () => {
    const { result } = await run(executor(), assigned("trivial"));
    expect(result).toMatchObject({ outcome: "complete", modelUsed: "none", tokensOut: 0 });
    expect(result.traffic).toEqual({ ollama: { upBytes: 0, downBytes: 0 }, api: { upBytes: 0, downBytes: 0 } });
    // 6 s; a timer of a busy machine may be late, but never early.
    expect(result.workMs).toBeGreaterThanOrEqual(6_000);
  });

  it("fails where there is not memory enough", async () => {
    const mix = mixOf({ trivial: { share: 1, ram_gb: 9 } });
    const { result } = await run(executor({ mix }), assigned("trivial"));
    expect(result).toMatchObject({ outcome: "failed", error: "out of memory: 9 GB wanted, 8 GB free on box" });
  });

  it("fails when its number says so, at the end of its work", async () => {
    const mix = mixOf({ trivial: { share: 1, fail_share: 1, cpu_s: 1, wait_s: 0 } });
    const { result } = await run(executor({ mix }), assigned("trivial"));
    expect(result).toMatchObject({ outcome: "failed", error: "simulated failure", output: "" });
    expect(result.workMs).toBeGreaterThanOrEqual(1_000);
  });
});

describe("a standard task", () => {
  it("converses with the endpoint that the hub selected, which finds the prefix again, and streams", async () => {
    const [chosen, other] = [await ollama(), await ollama()];
    const { result, progress } = await run(executor(), assigned("standard", { endpoint: `127.0.0.1:${chosen.port}` }));
    // Two prompts: 500 tokens, then 500 + 40 + 100; a few more for the markers of messages.
    expect(result).toMatchObject({ outcome: "complete", modelUsed: MODEL, tokensOut: 80 });
    expect(result.tokensIn).toBeGreaterThanOrEqual(1_140);
    expect(result.tokensIn).toBeLessThan(1_180);
    expect(progress.filter(({ type }) => type === "token")).toHaveLength(80);
    expect(chosen.traffic().requests).toBe(2);
    expect(other.traffic().requests).toBe(0);
    // What the agent counted is what the server saw.
    const { bytesIn, bytesOut } = chosen.traffic();
    expect(result.traffic.ollama).toEqual({ upBytes: bytesIn, downBytes: bytesOut });
    expect(result.traffic.ollama.upBytes).toBeGreaterThan(4 * 1_140);
  });

  it("is aborted in the middle of an answer: the slot is free", async () => {
    const stub = await ollama();
    const mix = mixOf({ standard: { share: 1, rounds: 1, output_tokens: 10_000 } });
    const stop = new AbortController();
    const running = executor({ mix }).run(assigned("standard", { endpoint: `127.0.0.1:${stub.port}` }), {
      signal: stop.signal,
      onAbort: noAbort,
      onProgress: () => stop.abort(new Error("cancelled")),
    });
    await expect(running).rejects.toThrow("cancelled");
    const active = () => stub.loadedModels()[0]?.active ?? 0;
    while (active() > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  });

  it.each([
    ["without an endpoint", null, "the hub selected no Ollama endpoint"],
    ["at an endpoint that is gone", "127.0.0.1:9", "the Ollama endpoint cannot be reached: ECONNREFUSED"],
  ])("fails %s", async (_how, endpoint, error) => {
    const { result } = await run(executor(), assigned("standard", { endpoint }));
    expect(result).toMatchObject({ outcome: "failed", error: expect.stringContaining(error) });
  });

  it("fails with the endpoint's own words when the model is not there", async () => {
    const stub = await ollama();
    const task = assigned("standard", { endpoint: `127.0.0.1:${stub.port}` });
    task.assignment.routing_decision.selected_model = "nope:1b";
    const { result } = await run(executor(), task);
    expect(result.error).toBe('the Ollama endpoint answered 404: model "nope:1b" not found, try pulling it first');
  });
});

describe("a complex task", () => {
  it("sends the whole conversation with each step, and the cache knows all but what is new", async () => {
    const stub = await claude();
    const on = executor({ claudeUrl: stub.url });
    const { result } = await run(on, assigned("complex"));
    expect(result).toMatchObject({ outcome: "complete", modelUsed: "claude-sonnet-5" });
    expect(stub.counts().answered).toBe(3);
    expect(result.tokensIn).toBeGreaterThan(3 * 30_000);
    // Three bodies of 30,000 tokens of four characters.
    expect(result.traffic.api.upBytes).toBeGreaterThan(3 * 120_000);
    expect(result.traffic.api.upBytes).toBe(stub.traffic().bytesIn);
    expect(result.traffic.api.downBytes).toBe(stub.traffic().bytesOut);
  });

  it("is the same whoever does it, and after whatever", async () => {
    const stub = await claude();
    const [one, two] = [executor({ claudeUrl: stub.url }), executor({ claudeUrl: stub.url })];
    const sizes = async (on: PlannedExecutor, number: number) => {
      const { result } = await run(on, assigned("complex", { number }));
      return { number, tokensIn: result.tokensIn, tokensOut: result.tokensOut };
    };
    const forwards = [await sizes(one, 1), await sizes(one, 2)];
    const backwards = [await sizes(two, 2), await sizes(two, 1)];
    expect(backwards.reverse()).toEqual(forwards);
    expect(forwards[0]?.tokensOut).not.toBe(forwards[1]?.tokensOut);
  });

  it("waits as the API asks and goes on; fails after two retries in vain", async () => {
    const limits = { requestsPerMin: 1, inputTokensPerMin: 1e7, outputTokensPerMin: 1e7 };
    const slow = await claude({ tier: { "sonnet-opus": limits, haiku: limits } });
    const { result } = await run(executor({ claudeUrl: slow.url }), assigned("complex"));
    expect(result.outcome).toBe("complete");
    expect(slow.counts()).toMatchObject({ answered: 3, rateLimited: expect.any(Number) });
    expect(slow.counts().rateLimited).toBeGreaterThanOrEqual(2);
    const full = await claude({ overloadedShare: 1 });
    const refused = await run(executor({ claudeUrl: full.url }), assigned("complex"));
    expect(refused.result).toMatchObject({ outcome: "failed", error: "the Claude API answered 529: Overloaded" });
    expect(full.counts().overloaded).toBe(3);
  });

  it("fails when the stream breaks off", async () => {
    const stub = await claude({ brokenOffShare: 1 });
    const { result } = await run(executor({ claudeUrl: stub.url }), assigned("complex"));
    expect(result).toMatchObject({ outcome: "failed", error: "the Claude API broke off: Overloaded" });
  });
});
