import { describe, expect, it } from "vitest";
import { meanOf } from "./random.ts";
import { drawTaskPlan, tierOfTask, type WorkPhase } from "./task-plan.ts";
import { LARGEST_CONTEXT_TOKENS } from "./task-walk.ts";
import { readWorkMix, TASK_STEPS, type WorkMix } from "./work-mix.ts";

function mixOf(tiers: object): WorkMix {
  const read = readWorkMix(tiers);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value;
}

const ALL = mixOf({ trivial: { share: 2 }, standard: { share: 1, fail_share: 0.25 }, complex: { share: 1 } });
const plans = (mix: WorkMix, count: number, seed = 7) =>
  Array.from({ length: count }, (_, number) => drawTaskPlan(mix, { seed, number }));
const ofKind = <K extends WorkPhase["kind"]>(phases: readonly WorkPhase[], kind: K) =>
  phases.filter((phase): phase is Extract<WorkPhase, { kind: K }> => phase.kind === kind);

describe("a task", () => {
  it("is the same whenever it is drawn, and another one with another seed", () => {
    const inOrder = plans(ALL, 50);
    const backwards = [...inOrder.keys()].reverse().map((number) => drawTaskPlan(ALL, { seed: 7, number }));
    expect(backwards.reverse()).toEqual(inOrder);
    expect(plans(ALL, 50, 8)).not.toEqual(inOrder);
    expect(inOrder.map(({ tier }) => tier)).toEqual(inOrder.map(({ number }) => tierOfTask(ALL, { seed: 7, number })));
  });

  it("comes in the shares of the mix, and fails in that of its tier", () => {
    const drawn = plans(ALL, 4_000);
    const share = (tier: string) => drawn.filter((plan) => plan.tier === tier).length / drawn.length;
    expect(share("trivial")).toBeCloseTo(0.5, 1);
    expect(share("standard")).toBeCloseTo(0.25, 1);
    const standard = drawn.filter(({ tier }) => tier === "standard");
    expect(standard.filter(({ fails }) => fails).length / standard.length).toBeCloseTo(0.25, 1);
    expect(drawn.filter(({ tier, fails }) => tier !== "standard" && fails)).toEqual([]);
  });

  it("may fail at one attempt and not at the next, with the same work", () => {
    const failing = plans(ALL, 400).find(({ fails }) => fails);
    if (!failing) throw new Error("none failed");
    const attempts = Array.from({ length: 20 }, (_, attempt) =>
      drawTaskPlan(ALL, { seed: 7, number: failing.number, attempt }),
    );
    expect(attempts.some(({ fails }) => !fails)).toBe(true);
    for (const { phases } of attempts) expect(phases).toEqual(failing.phases);
  });

  it("is of the tier that the hub routed it to, or of one that the mix has", () => {
    expect(drawTaskPlan(ALL, { seed: 7, number: 3, tier: "complex" }).tier).toBe("complex");
    expect(drawTaskPlan(mixOf({ trivial: { share: 1 } }), { seed: 7, number: 3, tier: "complex" }).tier).toBe("trivial");
  });
});

describe("a standard task", () => {
  it("has a prompt that grows by each answer and by what is appended, with a tool between the rounds", () => {
    const mix = mixOf({
      standard: {
        share: 1,
        rounds: 3,
        prompt_tokens: 1_000,
        appended_tokens: 100,
        output_tokens: 50,
        tool_s: 8,
        tool_cpu_share: 0.25,
      },
    });
    const tool = [
      { kind: "cpu", coreSec: 2, maxCores: 1 },
      { kind: "wait", ms: 6_000 },
    ];
    expect(drawTaskPlan(mix, { seed: 1, number: 0 }).phases).toEqual([
      { kind: "ollama", promptTokens: 1_000, newTokens: 1_000, outputTokens: 50 },
      ...tool,
      { kind: "ollama", promptTokens: 1_150, newTokens: 100, outputTokens: 50 },
      ...tool,
      { kind: "ollama", promptTokens: 1_300, newTokens: 100, outputTokens: 50 },
    ]);
  });
});

describe("a complex task", () => {
  const mix = mixOf({ trivial: { share: 1 }, complex: { share: 1, tasks_per_session: 5 } });
  const complex = plans(mix, 4_000).filter(({ tier }) => tier === "complex");

  it("shares its context with the tasks of its session", () => {
    const contexts = new Map<number, Set<number>>();
    for (const { session, phases } of complex) {
      const [first] = ofKind(phases, "claude");
      const context = (first?.promptTokens ?? 0) - (first?.newTokens ?? 0);
      expect(context).toBeLessThanOrEqual(LARGEST_CONTEXT_TOKENS);
      contexts.set(session, (contexts.get(session) ?? new Set()).add(context));
    }
    // Sessions last for a number of tasks of the whole mix, so that one in 2^10 has no complex task at all.
    expect(contexts.size).toBeGreaterThan(390);
    expect(contexts.size).toBeLessThanOrEqual(400);
    expect([...contexts.values()].every(({ size }) => size === 1)).toBe(true);
  });

  it("has as many steps, with as long answers, as were found", () => {
    const steps = complex.map(({ phases }) => ofKind(phases, "claude").length).sort((a, b) => a - b);
    expect(steps[steps.length / 2]).toBeLessThanOrEqual(2);
    // A heavy tail: the mean of 2,000 draws is only near that of the distribution (9.1).
    const mean = steps.reduce((sum, count) => sum + count, 0) / steps.length;
    expect(mean).toBeGreaterThan(meanOf(TASK_STEPS) * 0.7);
    expect(mean).toBeLessThan(meanOf(TASK_STEPS) * 1.4);
    const outputs = complex
      .flatMap(({ phases }) => ofKind(phases, "claude").map(({ outputTokens }) => outputTokens))
      .sort((a, b) => a - b);
    expect(Math.abs((outputs[Math.floor(outputs.length / 2)] ?? 0) / 252 - 1)).toBeLessThan(0.1);
  });
});
