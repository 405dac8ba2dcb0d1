import { expect, it } from "vitest";
import { endpointOf } from "./closed-form/gpu-round.ts";
import { Runner } from "./runner.ts";
import { runnerNumbers } from "./runner-row.ts";

const { model, placement } = endpointOf({
  type: "rtx4090",
  cards: 1,
  numParallel: 1,
  model: "qwen2.5-coder:7b",
  contextTokens: 16_384,
});

/** In order, the requests that are finished when time passes until nothing is left to do. */
function finishAll<Id extends string | number>(runner: Runner<Id>): Id[] {
  const finished: Id[] = [];
  let nowMs = 0;
  runner.settleFinished(nowMs, finished);
  for (let ms = runner.msUntilNext(1); ms < Number.POSITIVE_INFINITY; ms = runner.msUntilNext(1)) {
    runner.elapse(ms, 1);
    nowMs += ms;
    runner.settleFinished(nowMs, finished);
  }
  return finished;
}

it("serves in the order of arrival whoever has not left the queue, wherever in it those were who have", () => {
  const runner = new Runner(model, placement);
  const enqueue = (...ids: string[]) => {
    for (const id of ids) {
      runner.enqueue({ request: { id, model, promptTokens: 100, outputTokens: 10 }, arrivedMs: 0, modelReadyMs: 0 });
    }
  };
  enqueue("served", "first", "second", "third", "last");
  runner.settle(0);
  expect([runner.activeCount, runner.waitingCount]).toEqual([1, 4]);
  for (const id of ["second", "first", "last"]) expect(runner.cancel(id, 0)).toBe(true);
  expect(runner.cancel("first", 0)).toBe(false);
  enqueue("new", "newest");
  expect(runner.waitingCount).toBe(3);
  expect(finishAll(runner)).toEqual(["served", "third", "new", "newest"]);
  expect(runner.references).toBe(0);
});

it("is as many runners as rows that it turns to", () => {
  const room = runnerNumbers(placement.slots);
  const numbers = new Float64Array(2 * room);
  const runner = new Runner<number>(model, placement, { numbers, names: numbers });
  const ends: number[] = [];
  for (const at of [0, room]) runner.begin(at);
  for (const id of [1, 2, 3, 4, 5, 6]) {
    runner.turnTo(id % 2 === 0 ? 0 : room);
    runner.ask({ id, model, promptTokens: 100, outputTokens: 10, conversation: 0 }, 0, ends);
  }
  expect(ends).toEqual([]);
  runner.turnTo(0);
  expect(finishAll(runner)).toEqual([2, 4, 6]);
  runner.turnTo(room);
  expect([runner.activeCount, runner.waitingCount]).toEqual([1, 2]);
  expect(finishAll(runner)).toEqual([1, 3, 5]);
});
