import { array, assert, constant, nat, oneof, property, record } from "fast-check";
import { expect, it } from "vitest";
import { endpointOf } from "../closed-form/gpu-round.ts";
import type { OllamaRequest } from "../ollama-request.ts";
import { Runner } from "../runner.ts";
import { EndpointMachine, endpointNumbers } from "./endpoint-machine.ts";

const endpoint = endpointOf({
  type: "rtx4090",
  cards: 1,
  numParallel: 2,
  model: "qwen2.5-coder:7b",
  contextTokens: 16_384,
});

interface Arrival {
  atMs: number;
  request: OllamaRequest<number>;
}

/** When each request is finished, going from event to event as the stub does: every prompt that has been read is one. */
function stepByStep(arrivals: readonly Arrival[]): Map<number, number> {
  const runner = new Runner<number>(endpoint.model, endpoint.placement);
  const finished = new Map<number, number>();
  let nowMs = 0;
  const passTo = (toMs: number) => {
    runner.elapse(toMs - nowMs, 1);
    nowMs = toMs;
    for (const effect of runner.settle(nowMs)) if (effect.type === "finished") finished.set(effect.id, nowMs);
  };
  for (const { atMs, request } of [...arrivals, undefined].map(
    (each) => each ?? { atMs: Number.POSITIVE_INFINITY, request: undefined },
  )) {
    for (let nextMs = nowMs + runner.msUntilNext(1); nextMs < atMs; nextMs = nowMs + runner.msUntilNext(1)) passTo(nextMs);
    if (!request) break;
    passTo(atMs);
    runner.enqueue({ request, arrivedMs: atMs, modelReadyMs: atMs });
    passTo(atMs);
  }
  return finished;
}

/** The same with the machine, which is asked only when a request is due. */
function whenDue(arrivals: readonly Arrival[]): Map<number, number> {
  // Not at the beginning of the array: its row is one of many.
  const numbers = new Float64Array(7 + endpointNumbers(endpoint));
  const machine = new EndpointMachine(endpoint, numbers);
  machine.begin(7);
  const finished = new Map<number, number>();
  const note = (nowMs: number, act: (ended: number[]) => void) => {
    const ended: number[] = [];
    act(ended);
    for (const id of ended) finished.set(id, nowMs);
  };
  const until = (atMs: number) => {
    for (let { dueMs } = machine; dueMs < atMs; { dueMs } = machine) note(dueMs, (ended) => machine.advance(dueMs, ended));
  };
  for (const { atMs, request } of arrivals) {
    until(atMs);
    note(atMs, (ended) => machine.request(request, atMs, ended));
  }
  until(Number.POSITIVE_INFINITY);
  return finished;
}

it("finishes each request when a runner that is stepped from event to event does", () => {
  const tokens = oneof(nat(20_000), constant(0));
  const arrival = record({
    afterMs: oneof(nat(3_000), constant(0)),
    promptTokens: tokens,
    outputTokens: tokens,
    conversation: nat(3),
  });
  assert(
    property(array(arrival, { maxLength: 30 }), (drawn) => {
      let atMs = 0;
      const arrivals = drawn.map(({ afterMs, ...rest }, id) => {
        atMs += afterMs;
        return { atMs, request: { id, model: endpoint.model, ...rest } };
      });
      const [stepped, due] = [stepByStep(arrivals), whenDue(arrivals)];
      expect(due.size).toBe(arrivals.length);
      expect([...due.keys()].sort()).toEqual([...stepped.keys()].sort());
      for (const [id, ms] of due) expect(Math.abs(ms - (stepped.get(id) as number))).toBeLessThan(0.01);
    }),
  );
});
