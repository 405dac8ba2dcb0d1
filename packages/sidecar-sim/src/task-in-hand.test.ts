import { expect, test } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { DrawnExecutor, type SidecarBehaviour } from "./drawn-executor.ts";
import { TaskInHand, Work } from "./task-in-hand.ts";

const noBatch = () => {
  throw new Error("no progress was made");
};

test("what is to be called at the abort is called once, and at once when it comes too late", () => {
  const called: string[] = [];
  const work = new Work(noBatch);
  work.onAbort(() => called.push("in time"));
  expect(called).toEqual([]);
  work.abort();
  work.abort();
  work.onAbort(() => called.push("late"));
  expect(called).toEqual(["in time", "late"]);
});

test("what is to be called at the abort is not called when the work ends by itself", () => {
  const work = new Work(noBatch);
  work.onAbort(() => expect.unreachable());
  work.end();
  work.abort();
});

test.each([
  ["asked in time", (work: Work) => work.signal],
  ["asked after the abort", () => undefined],
])("the signal tells of the abort, %s", (_, before) => {
  const work = new Work(noBatch);
  before(work);
  work.abort();
  expect(work.signal.aborted).toBe(true);
});

test("an assignment is read from its frame, and is empty where none was kept", () => {
  const fields = { taskId: "task-1", generation: 1, assignedAtMs: 5 };
  expect(new TaskInHand(fields, '{"type":"task_assign","repo":"r"}').assignment.repo).toBe("r");
  expect(new TaskInHand(fields, undefined).assignment).toEqual({});
});

test.each([
  ["a sidecar's work", () => new Work(noBatch)],
  ["work of an owner who has a signal", signalled],
])("drawn work that is taken away leaves no timer behind: %s", async (_, begin) => {
  const clock = new ManualClock();
  const behaviour: SidecarBehaviour = {
    workTime: { kind: "constant", ms: 100 },
    progress: null,
    failure: { share: 0, as: "failed" },
    outputChars: 0,
  };
  const executor = new DrawnExecutor({ clock, random: () => 0.5, timeScale: 1, behaviour: () => behaviour });
  const task = new TaskInHand({ taskId: "t", generation: 1, assignedAtMs: 0 }, undefined);
  const work = begin();
  const outcomes = [executor.run(task, begin()), executor.run(task, work)].map(async (result, index) => {
    await result;
    ended.push(index);
  });
  const ended: number[] = [];
  work.abort();
  clock.advance(1_000);
  await outcomes[0];
  expect(ended).toEqual([0]);
});

function signalled() {
  const controller = new AbortController();
  const { signal } = controller;
  const onAbort = (run: () => void) => signal.addEventListener("abort", run);
  return { signal, onAbort, onProgress: noBatch, abort: () => controller.abort() };
}
