import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gpuType } from "./gpu-types.ts";
import { LLM_MODELS } from "./llm-models.ts";
import type { OllamaEffect, OllamaEvent } from "./ollama-request.ts";
import { OllamaServer } from "./ollama-server.ts";
import { ollamaSettings } from "./ollama-settings.ts";

const MODELS = LLM_MODELS.filter(({ name }) => name !== "llama3.1:70b").slice(0, 3);

interface Action {
  gapMs: number;
  model: number;
  promptTokens: number;
  outputTokens: number;
  contextTokens?: number | undefined;
  keepAliveMs?: number | undefined;
  /** Cancels the request that came so many before. */
  cancels?: number | undefined;
}

interface Plan {
  numParallel: number;
  maxQueue: number;
  gpu: string;
  actions: Action[];
}

const sizes = {
  gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20_000 })),
  promptTokens: fc.integer({ min: 1, max: 9_000 }),
  outputTokens: fc.integer({ min: 1, max: 800 }),
};

/** One model, nothing that makes it load again. */
const steadyAction: fc.Arbitrary<Action> = fc.record({ ...sizes, model: fc.constant(0) });

const anyAction: fc.Arbitrary<Action> = fc.record({
  ...sizes,
  model: fc.integer({ min: 0, max: 19 }).map((n) => (n < 14 ? 0 : n % MODELS.length)),
  contextTokens: fc.constantFrom(undefined, undefined, undefined, 2_048),
  /** Not Infinity: with it a request may hold a marked model for ever, and who waits for its room waits for ever. */
  keepAliveMs: fc.constantFrom(undefined, undefined, 0, 5_000),
  cancels: fc.constantFrom(undefined, undefined, undefined, 0, 1, 5),
});

const planOf = (action: fc.Arbitrary<Action>, maxQueue: fc.Arbitrary<number>): fc.Arbitrary<Plan> =>
  fc.record({
    numParallel: fc.constantFrom(1, 2, 4),
    maxQueue,
    gpu: fc.constantFrom("rtx4090", "rtx3070", "m3-max-64"),
    actions: fc.array(action, { maxLength: 60 }),
  });

const anyPlan = planOf(anyAction, fc.constantFrom(1, 3, 512));

function play({ numParallel, maxQueue, gpu, actions }: Plan) {
  const type = gpuType(gpu);
  if (!type) throw new Error("no GPU");
  const server = new OllamaServer(ollamaSettings({ gpu: type, numParallel, maxQueue, contextTokens: 8_192 }), 0);
  const effects: OllamaEffect[] = [];
  const cancelled = new Set<string>();
  const check = () => {
    for (const { active } of server.loadedModels()) expect(active).toBeLessThanOrEqual(numParallel);
    expect(server.pendingCount).toBeLessThanOrEqual(maxQueue);
    const used = server.loadedModels().reduce((sum, { vramBytes }) => sum + vramBytes, 0);
    expect(used).toBeLessThanOrEqual(type.vramBytes);
  };
  const take = (more: OllamaEffect[]) => {
    effects.push(...more);
    check();
  };
  const due = (untilMs: number) => {
    for (let dueMs = server.nextDueMs(); dueMs <= untilMs; dueMs = server.nextDueMs()) take(server.advance(dueMs));
  };
  let nowMs = 0;
  actions.forEach(({ gapMs, model, cancels, contextTokens, keepAliveMs, promptTokens, outputTokens }, index) => {
    nowMs += gapMs;
    due(nowMs);
    const request = {
      id: `${index}`,
      model: MODELS[model] ?? MODELS[0]!,
      promptTokens,
      outputTokens,
      ...(contextTokens !== undefined && { contextTokens }),
      ...(keepAliveMs !== undefined && { keepAliveMs }),
    };
    const events: OllamaEvent[] = [{ type: "request", request }];
    const victim = `${index - (cancels ?? 0)}`;
    const isThere = !effects.some((effect) => "id" in effect && effect.id === victim && effect.type !== "answering");
    if (cancels !== undefined && index >= cancels && isThere) {
      cancelled.add(victim);
      events.push({ type: "cancel", id: victim });
    }
    for (const event of events) take(server.handle(event, nowMs));
  });
  due(nowMs + 1e8);
  return { server, effects, cancelled, count: actions.length };
}

describe("the Ollama scheduler, whatever comes", () => {
  it("loses no request: each is answered once, refused or cancelled; slots, queue and memory keep their bounds", () => {
    fc.assert(
      fc.property(anyPlan, (given) => {
        const { effects, cancelled, count, server } = play(given);
        for (let index = 0; index < count; index++) {
          const ends = effects.filter((effect) => "id" in effect && effect.id === `${index}` && effect.type !== "answering");
          // A cancelled one that was refused in the same instant ends by the refusal.
          expect(ends.length).toBe(cancelled.has(`${index}`) ? ends.filter(({ type }) => type === "refused").length : 1);
        }
        for (const { active, waiting } of server.loadedModels()) expect(active + waiting).toBe(0);
        expect(server.pendingCount).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("goes forward in time", () => {
    fc.assert(
      fc.property(anyPlan, (given) => {
        const times = play(given).effects.map(({ atMs }) => atMs);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });

  it("serves a loaded model first come, first served", () => {
    fc.assert(
      fc.property(planOf(steadyAction, fc.constant(512)), (given) => {
        const { effects, count } = play(given);
        const begun = effects.flatMap((effect) => (effect.type === "answering" ? [Number(effect.id)] : []));
        expect(begun).toEqual(Array.from({ length: count }, (_, index) => index));
      }),
    );
  });
});
