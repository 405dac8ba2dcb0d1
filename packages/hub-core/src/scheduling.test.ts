import type { SubmitTaskBody } from "@hubscale/protocol";
import { describe, expect, it } from "vitest";
import type { EndpointView } from "./routing.ts";
import { type IdleAgent, isQualified, schedule } from "./scheduling.ts";
import { draftOf } from "./task-draft.ts";
import { newTask } from "./task-transition.ts";

const task = (id: string, body: Partial<SubmitTaskBody> = {}, createdAtMs = 1_000) =>
  newTask(id, draftOf({ description: "x", ...body }, "sub"), createdAtMs);
const agent = (agentId: string, capabilities: string[] = ["code"], ollamaHost: string | null = null): IdleAgent => ({
  agentId,
  capabilities,
  ollamaHost,
});
const endpoint = (host: string, healthy = true): EndpointView => ({
  id: `${host}:11434`,
  host,
  healthy,
  models: ["llama"],
  loadedModels: [],
  resources: null,
});

function pairs(queued: ReturnType<typeof task>[], idle: IdleAgent[], endpoints: EndpointView[] = [], completed: string[] = []) {
  const isCompleted = (taskId: string) => completed.includes(taskId);
  return schedule({ queued, idle, endpoints, isCompleted, nowMs: 5 }).map(({ taskId, agentId }) => `${taskId} → ${agentId}`);
}

describe("qualification", () => {
  it.each([
    [[], null, true],
    [["code"], null, true],
    [["code", "gpu"], null, true],
    [["code", "web"], null, false],
    [[], "alice", true],
    [[], "bob", false],
    [["web"], "alice", false],
  ])("needs %j, assign_to %s: %s", (needed_capabilities, assign_to, qualified) => {
    expect(isQualified(agent("alice", ["gpu", "code"]), { needed_capabilities, assign_to })).toBe(qualified);
  });
});

describe("the full scan", () => {
  it("serves tasks by priority, age and id, and agents in the order given, one task each", () => {
    const queued = [
      task("b"),
      task("a"),
      task("late", {}, 2_000),
      task("low", { priority: "low" }, 1),
      task("now", { priority: "urgent" }, 9_000),
    ];
    const order = ["now → a1", "a → a2", "b → a3", "late → a4", "low → a5"];
    expect(
      pairs(
        queued,
        ["a1", "a2", "a3", "a4", "a5", "a6"].map((id) => agent(id)),
      ),
    ).toEqual(order);
    expect(pairs(queued, [agent("a1"), agent("a2")])).toEqual(order.slice(0, 2));
  });

  it("passes over a task that nobody can run, and goes on with the next", () => {
    const queued = [task("gpu", { needed_capabilities: ["gpu"] }), task("named", { assign_to: "bob" }), task("any", {}, 2_000)];
    expect(pairs(queued, [agent("alice")])).toEqual(["any → alice"]);
    expect(pairs(queued, [agent("alice"), agent("bob")])).toEqual(["named → bob", "any → alice"]);
    expect(pairs(queued, [agent("alice"), agent("carol", ["code", "gpu"])])).toEqual(["gpu → carol", "any → alice"]);
  });

  it("holds a task back until all that it depends on is completed", () => {
    const queued = [task("later", { depends_on: ["one", "two"] })];
    expect(pairs(queued, [agent("alice")], [], ["one"])).toEqual([]);
    expect(pairs(queued, [agent("alice")], [], ["one", "two"])).toEqual(["later → alice"]);
  });

  it("prefers an agent on the host of the selected endpoint", () => {
    const idle = [agent("far", ["code"], "other"), agent("near", ["code"], "gpu-1")];
    expect(pairs([task("t")], idle, [endpoint("gpu-1")])).toEqual(["t → near"]);
    expect(pairs([task("t")], idle, [endpoint("gpu-1", false)])).toEqual(["t → far"]);
    expect(pairs([task("t", { complexity_tier: "complex" })], idle, [endpoint("gpu-1")])).toEqual(["t → far"]);
    expect(pairs([task("t", { needed_capabilities: ["web"] })], [...idle, agent("web", ["web"])], [endpoint("gpu-1")])).toEqual(
      ["t → web"],
    );
  });

  it("carries the decision and leaves its view alone", () => {
    const queued = Object.freeze([task("b"), task("a")]);
    const idle = Object.freeze([agent("alice")]);
    const [made] = schedule({ queued, idle, endpoints: [endpoint("gpu-1")], isCompleted: () => false, nowMs: 5 });
    expect(made).toMatchObject({ taskId: "a", decision: { selected_endpoint: "gpu-1:11434", decided_at: 5 } });
  });
});
