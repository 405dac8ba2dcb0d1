import { describe, expect, it } from "vitest";
import { type AgentRound, completionsPerMs, solveGpu } from "./closed-form.ts";
import { gpuType } from "./gpu-types.ts";
import { type SimulatedGpu, simulateGpu } from "./gpu-simulation.ts";
import { llmModel } from "./llm-models.ts";
import { placeModel } from "./model-placement.ts";
import { ollamaSettings } from "./ollama-settings.ts";
import type { Distribution } from "./random.ts";

const gpu = gpuType("rtx4090") ?? noModel();
const llama = llmModel("llama3.1:8b") ?? noModel();

function noModel(): never {
  throw new Error("no model");
}

/** A round of a standard task: a prompt with some files, an answer, a tool call between. */
const ROUND: AgentRound = { thinkMs: 10_000, promptTokens: 1_500, outputTokens: 300 };

const setting = (numParallel: number) => {
  const settings = ollamaSettings({ gpu, numParallel, contextTokens: 16_384 });
  return { settings, placement: placeModel(llama, settings, { contextTokens: 16_384, freeVramBytes: gpu.vramBytes }) };
};

/** A multiplicative generator (Park and Miller): enough for sizes. */
function random(seed: number) {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const vary = (kind: "exponential" | "constant", mean: number): Distribution =>
  kind === "constant" ? { kind, value: mean } : { kind, mean };

const simulated = new Map<string, SimulatedGpu>();

function simulate(agents: number, numParallel: number, kind: "exponential" | "constant" = "exponential"): SimulatedGpu {
  const key = `${agents} ${numParallel} ${kind}`;
  const result = simulated.get(key) ?? runSimulation(agents, numParallel, kind);
  simulated.set(key, result);
  return result;
}

function runSimulation(agents: number, numParallel: number, kind: "exponential" | "constant"): SimulatedGpu {
  return simulateGpu({
    settings: setting(numParallel).settings,
    model: llama,
    agents,
    thinkMs: vary(kind, ROUND.thinkMs),
    promptTokens: vary(kind, ROUND.promptTokens),
    outputTokens: vary(kind, ROUND.outputTokens),
    random: random(42),
    answers: 20_000,
  });
}

const solve = (agents: number, numParallel: number, round = ROUND) =>
  solveGpu({ agents, round, model: llama, placement: setting(numParallel).placement });

describe("one GPU, closed form against the scheduler's rules", () => {
  for (const numParallel of [1, 4]) {
    it.each([1, 2, 4, 8, 16])(`NUM_PARALLEL ${numParallel}: %d agents: throughput and response agree`, (agents) => {
      const solved = solve(agents, numParallel);
      const played = simulate(agents, numParallel);
      expect(Math.abs(solved.requestsPerSec / played.requestsPerSec - 1)).toBeLessThan(0.05);
      expect(Math.abs(solved.tokensPerSec / played.tokensPerSec - 1)).toBeLessThan(0.05);
      expect(Math.abs(solved.responseMs / played.responseMs - 1)).toBeLessThan(0.05);
    });
  }

  it.each([1, 2, 4, 8, 16])("NUM_PARALLEL 1: %d agents wait as long for the slot as is solved", (agents) => {
    const played = simulate(agents, 1);
    expect(Math.abs(solve(agents, 1).slotWaitMs - played.waitMs) / played.responseMs).toBeLessThan(0.05);
  });

  it("does not hold at the knee for sizes that never vary: agents fall into step", () => {
    // What the docstring quotes.
    expect(simulate(4, 4, "constant").requestsPerSec / solve(4, 4).requestsPerSec).toBeLessThan(0.97);
    const gain = simulate(4, 1, "constant").requestsPerSec / solve(4, 1).requestsPerSec;
    expect(gain).toBeGreaterThan(1.1);
  });
});

describe("the closed form", () => {
  it("of one agent is its cycle", () => {
    const { requestsPerSec, responseMs, slotWaitMs } = solve(1, 1);
    expect(slotWaitMs).toBe(0);
    expect(requestsPerSec).toBeCloseTo(1_000 / (10_000 + responseMs), 9);
  });

  it("never exceeds the asymptotes and nears them far from the knee", () => {
    for (const numParallel of [1, 4]) {
      const { placement } = setting(numParallel);
      const most = completionsPerMs({ round: ROUND, model: llama, placement }, numParallel) * 1_000;
      for (let agents = 1; agents <= 64; agents++) {
        const { requestsPerSec, kneeAgents } = solve(agents, numParallel);
        expect(requestsPerSec).toBeLessThanOrEqual(Math.min(most, (agents / kneeAgents) * most) + 1e-9);
      }
      expect(solve(200, numParallel).requestsPerSec / most).toBeCloseTo(1, 6);
    }
  });

  it("has more slots move the knee", () => {
    expect(solve(1, 4).kneeAgents).toBeGreaterThan(2 * solve(1, 1).kneeAgents);
  });

  it("works without think time and for thousands of agents", () => {
    const { placement } = setting(4);
    const round = { ...ROUND, thinkMs: 0 };
    const most = completionsPerMs({ round, model: llama, placement }, 4) * 1_000;
    expect(solve(4, 4, round).requestsPerSec).toBeCloseTo(most, 9);
    expect(solve(10_000, 4)).toMatchObject({ utilisation: 1, requestsPerSec: expect.closeTo(most, 3) });
  });
});
