import type { Task } from "@hubscale/protocol";
import { describe, expect, it } from "vitest";
import { checkTask, LifecycleChecker, type LifecycleEntry } from "./invariants.ts";
import { draftOf } from "./task-draft.ts";
import { newTask } from "./task-transition.ts";

const queued = newTask("task-1", draftOf({ description: "x" }, "sub"), 1_000);
const assigned: Task = { ...queued, status: "assigned", generation: 1, assigned_to: "alice", assigned_at: 2_000 };

describe("a stored task", () => {
  it.each([
    ["queued", queued],
    ["assigned", assigned],
    ["completed", { ...assigned, status: "completed" } satisfies Task],
    ["dead letter", { ...queued, status: "dead_letter", retry_count: 3 } satisfies Task],
  ])("that is %s is in order", (_, task) => {
    expect(checkTask(task)).toEqual([]);
  });

  it.each<[string, Task]>([
    ["generation is -1", { ...queued, generation: -1 }],
    ["generation is 1.5", { ...queued, generation: 1.5 }],
    ["retry_count is -1", { ...queued, retry_count: -1 }],
    ["history is empty", { ...queued, history: [] }],
    [
      "history has 51 entries",
      { ...queued, history: Array.from({ length: 51 }, () => ({ event: "x", timestamp: 1, details: null })) },
    ],
    ["assigned_to and assigned_at are not both set", { ...assigned, assigned_at: null }],
    ["queued but held by alice", { ...assigned, status: "queued" }],
    ["a dead letter, but held by alice", { ...assigned, status: "dead_letter" }],
    ["assigned to nobody", { ...assigned, assigned_to: null, assigned_at: null }],
    ["assigned in generation 0", { ...assigned, generation: 0 }],
    ["completed by nobody", { ...queued, status: "completed" }],
    ["has no retries left, yet lives", { ...queued, retry_count: 3 }],
  ])("%s", (fault, task) => {
    expect(checkTask(task)).toEqual([`task task-1: ${fault}`]);
  });
});

describe("a lifecycle", () => {
  const entry = (what: LifecycleEntry["what"], generation: number): LifecycleEntry => ({ taskId: "t", what, generation });
  const follow = (...entries: LifecycleEntry[]) => {
    const checker = new LifecycleChecker();
    return { checker, found: entries.flatMap((each) => checker.observe(each)) };
  };
  const done = [entry("submitted", 0), entry("routed", 0), entry("assigned", 1), entry("touched", 1), entry("completed", 1)];

  it("that is in order has no complaints and no open task", () => {
    const { checker, found } = follow(...done);
    expect(found).toEqual([]);
    expect(checker.open()).toEqual([]);
  });

  it.each<[string, LifecycleEntry[]]>([
    ["completed while completed", [...done, entry("completed", 1)]],
    ["assigned while completed", [...done, entry("assigned", 2)]],
    ["completed while queued", [entry("submitted", 0), entry("completed", 0)]],
    ["completed in generation 0, expected 1", [entry("submitted", 0), entry("assigned", 1), entry("completed", 0)]],
    ["assigned in generation 0, expected 1", [entry("submitted", 0), entry("assigned", 0)]],
    ["requeued in generation 1, expected 2", [entry("submitted", 0), entry("assigned", 1), entry("requeued", 1)]],
    ["assigned while absent", [entry("assigned", 1)]],
    ["submitted while queued", [entry("submitted", 0), entry("submitted", 0)]],
    ["assigned while cancelled", [entry("submitted", 0), entry("cancelled", 0), entry("assigned", 1)]],
  ])("%s", (fault, entries) => {
    expect(follow(...entries).found).toEqual([`task t: ${fault}`]);
  });

  it("says which tasks are still open", () => {
    expect(follow(entry("submitted", 0), entry("assigned", 1), entry("requeued", 2)).checker.open()).toEqual(["t"]);
  });

  it("finds what is stored otherwise than it happened", () => {
    const { checker } = follow(entry("submitted", 0), entry("assigned", 1));
    expect(checker.compare([])).toEqual(["task t: is absent, should be assigned"]);
    expect(checker.compare([{ ...assigned, id: "t" }])).toEqual([]);
    expect(checker.compare([{ ...assigned, id: "t", generation: 2 }])).toEqual(["task t: is in generation 2, should be in 1"]);
    expect(checker.compare([{ ...assigned, id: "t" }, queued])).toEqual(["task task-1: is stored but was never submitted"]);
  });
});
