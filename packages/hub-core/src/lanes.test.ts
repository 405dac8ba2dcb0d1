import type { SubmitTaskBody } from "@hubscale/protocol";
import { describe, expect, it } from "vitest";
import { Lanes } from "./lanes.ts";
import { draftOf } from "./task-draft.ts";
import { newTask } from "./task-transition.ts";

const task = (id: string, body: Partial<SubmitTaskBody> = {}, createdAtMs = 1_000) =>
  newTask(id, draftOf({ description: "x", ...body }, "sub"), createdAtMs);
const agent = (agentId: string, ...capabilities: string[]) => ({ agentId, capabilities, ollamaHost: null });
const lanesOf = (...tasks: ReturnType<typeof task>[]) => {
  const lanes = new Lanes();
  for (const each of tasks) lanes.add(each);
  return lanes;
};

describe("lanes", () => {
  it("gives an agent the first task in dequeue order over the classes that it qualifies for", () => {
    const lanes = lanesOf(
      task("gpu", { needed_capabilities: ["gpu"], priority: "urgent" }),
      task("bobs", { assign_to: "bob", priority: "high" }),
      task("trivial", { complexity_tier: "trivial" }, 2_000),
      task("plain", {}, 1_500),
    );
    expect(lanes.next(agent("alice"))).toEqual({ taskId: "plain" });
    expect(lanes.next(agent("bob"))).toEqual({ taskId: "bobs" });
    expect(lanes.next(agent("carol", "code", "gpu"))).toEqual({ taskId: "gpu" });
    expect(lanes.size).toBe(4);
    lanes.remove("plain");
    expect(lanes.next(agent("alice"))).toEqual({ taskId: "trivial" });
    lanes.remove("trivial");
    expect(lanes.next(agent("alice"))).toBeUndefined();
  });

  it("counts by priority and leaves empty ones out", () => {
    const lanes = lanesOf(task("a", { priority: "urgent" }), task("b"), task("c"));
    expect(lanes.byPriority()).toEqual({ "0": 1, "2": 2 });
    lanes.remove("a");
    expect(lanes.byPriority()).toEqual({ "2": 2 });
    lanes.remove("b");
    lanes.remove("c");
    expect(lanes.byPriority()).toEqual({});
    expect(lanes.size).toBe(0);
  });

  it("knows what is queued and refuses to queue it twice", () => {
    const lanes = lanesOf(task("a"));
    expect(lanes.has("a")).toBe(true);
    expect(() => lanes.add(task("a", { needed_capabilities: ["gpu"] }))).toThrow("already queued");
    expect(lanes.remove("a")).toBe(true);
    expect(lanes.remove("a")).toBe(false);
    expect(lanes.has("a")).toBe(false);
    lanes.add(task("a", { needed_capabilities: ["gpu"] }));
    expect(lanes.next(agent("alice", "gpu"))).toEqual({ taskId: "a" });
  });

  it("finds the first task of the classes that are accepted", () => {
    const lanes = lanesOf(task("plain"), task("gpu", { needed_capabilities: ["gpu"] }, 2_000));
    expect(lanes.first(() => true)).toEqual({ taskId: "plain", routingClass: "standard//" });
    expect(lanes.first((routingClass) => routingClass.includes("gpu"))).toMatchObject({ taskId: "gpu" });
    expect(lanes.first(() => false)).toBeUndefined();
  });

  it("asks of an agent no more often than there are classes open to it", () => {
    const lanes = new Lanes();
    for (let number = 0; number < 1_000; number++) {
      lanes.add(task(`open-${number}`, { needed_capabilities: [`skill-${number % 3}`] }, 5_000 - number));
      lanes.add(task(`named-${number}`, { needed_capabilities: ["code"], assign_to: `agent-${number}` }));
      lanes.add(task(`once-${number}`, { needed_capabilities: [`once-${number}`] }));
    }
    for (let number = 0; number < 1_000; number++) lanes.remove(`once-${number}`);
    let asked = 0;
    const counting = (agentId: string) => ({
      agentId,
      ollamaHost: null,
      get capabilities() {
        asked++;
        return ["skill-1"];
      },
    });
    expect(lanes.next(counting("alice"))).toEqual({ taskId: "open-997" });
    expect(asked).toBeLessThanOrEqual(3);
    asked = 0;
    expect(lanes.next(counting("agent-7"))).toEqual({ taskId: "open-997" });
    expect(asked).toBeLessThanOrEqual(4);
  });
});
