import { DEFAULTS, TIMERS } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ALL_FIXES, type Fixes } from "./fixes.ts";
import { DeskInFolder, type DeskInFolderOptions } from "./testing/desk-in-folder.ts";

const NO_FIXES: Fixes = new Set();

/** The same answers whatever it costs: without fixes and with all of them. */
describe.each([
  ["no fixes", NO_FIXES],
  ["all fixes", ALL_FIXES],
])("the desk with %s", (_, fixes) => {
  let hub: DeskInFolder;
  const open = async (options: Partial<DeskInFolderOptions> = {}) => {
    hub = await DeskInFolder.open({ fixes, ...options });
  };

  beforeEach(() => open());

  afterEach(() => hub.remove());

  it("assigns a task to an idle agent, routed and in generation 1, once it is stored so", async () => {
    const stored: unknown[] = [];
    hub.roster.onPush = (_agentId, task) => stored.push(hub.folder.db.getSync(`task/${task.id}`));
    hub.roster.join("a");
    const task = await hub.submit();
    await hub.quiet();
    const [push] = hub.roster.pushed;
    expect(push).toMatchObject({ agentId: "a", task: { id: task.id, status: "assigned", generation: 1, assigned_to: "a" } });
    expect(push?.task.routing_decision?.target_type).toBe("sidecar");
    expect(stored).toEqual([JSON.stringify(push?.task)]);
  });

  it("hands out in dequeue order: priority, then time", async () => {
    const low = await hub.submit({ priority: "low" });
    hub.clock.advance(1);
    const first = await hub.submit();
    hub.clock.advance(1);
    const second = await hub.submit();
    hub.clock.advance(1);
    const urgent = await hub.submit({ priority: "urgent" });
    hub.roster.join("a");
    for (let count = 0; count < 4; count++) {
      await hub.quiet();
      await hub.complete("a");
    }
    await hub.quiet();
    expect(hub.roster.pushed.map((push) => push.task.id)).toEqual([urgent.id, first.id, second.id, low.id]);
  });

  it("gives a task only to an agent that has its capabilities and is the one named", async () => {
    const needy = await hub.submit({ needed_capabilities: ["gpu"] });
    const named = await hub.submit({ assign_to: "c" });
    hub.roster.join("a", ["code"]);
    await hub.quiet();
    expect(hub.roster.pushed).toEqual([]);
    hub.roster.join("b", ["gpu"]);
    hub.roster.join("c");
    await hub.quiet();
    expect(hub.roster.pushed.map((push) => [push.agentId, push.task.id]).sort()).toEqual([
      ["b", needy.id],
      ["c", named.id],
    ]);
  });

  it("holds a task back until all that it depends on are completed, and refuses unknown ids", async () => {
    hub.roster.join("a");
    const first = await hub.submit();
    await hub.quiet();
    const second = await hub.submit({ depends_on: [first.id] });
    const third = await hub.submit({ depends_on: [first.id, second.id] });
    hub.roster.join("b");
    await hub.quiet();
    expect(hub.roster.pushed.map((push) => push.task.id)).toEqual([first.id]);
    await hub.complete("a");
    await hub.quiet();
    expect(hub.roster.pushed.at(-1)?.task.id).toBe(second.id);
    await hub.complete(hub.roster.pushed.at(-1)?.agentId as string);
    await hub.quiet();
    expect(hub.roster.pushed.at(-1)?.task.id).toBe(third.id);
    const refused = await hub.desk.submit({ ...third, depends_on: ["task-nowhere", first.id] });
    expect(refused).toEqual({ ok: false, code: "unknown_dependency", taskIds: ["task-nowhere"] });
  });

  it("schedules a task that depends on one completed long ago", async () => {
    hub.roster.join("a");
    const first = await hub.submit();
    await hub.quiet();
    await hub.complete("a");
    const second = await hub.submit({ depends_on: [first.id] });
    await hub.quiet();
    expect(hub.roster.pushed.at(-1)?.task.id).toBe(second.id);
  });

  it("completes once, and refuses a stale generation, another state and an unknown id", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    const complete = (task_id: string, generation: number) =>
      hub.desk.report("a", { type: "task_complete", task_id, generation, result: { status: "success" }, tokens_used: 7 });
    expect(await complete(id, 0)).toEqual({ ok: false, code: "stale_generation" });
    expect(await complete(id, 1)).toEqual({ ok: true, done: "complete" });
    expect(await complete(id, 1)).toEqual({ ok: false, code: "invalid_state" });
    expect(await complete("task-nowhere", 1)).toEqual({ ok: false, code: "not_found" });
    expect(await hub.desk.find(id)).toMatchObject({ status: "completed", tokens_used: 7, assigned_to: "a" });
  });

  it("retries a failed task up to its limit, then makes it a dead letter, which can be retried", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit({ max_retries: 2 });
    const fail = async () => {
      await hub.quiet();
      const { generation } = hub.roster.pushed.at(-1)?.task ?? { generation: -1 };
      const outcome = await hub.desk.report("a", { type: "task_failed", task_id: id, generation, error: "boom" });
      hub.roster.finish("a");
      return outcome;
    };
    expect(await fail()).toEqual({ ok: true, done: "retried" });
    expect(await fail()).toEqual({ ok: true, done: "dead_letter" });
    expect((await hub.desk.list({ status: "dead_letter" })).map((task) => task.last_error)).toEqual(["boom"]);
    expect(await hub.desk.stats()).toMatchObject({ dead_letter: 1, queued_index_size: 0, by_status: {} });
    expect(await hub.desk.list({})).toEqual([]);
    const retried = await hub.desk.command(id, "retry");
    expect(retried?.after).toMatchObject({ status: "queued", retry_count: 0 });
    await hub.quiet();
    expect(hub.roster.pushed).toHaveLength(3);
  });

  it("cancels a queued and an assigned task, and nothing else", async () => {
    const queued = await hub.submit();
    expect((await hub.desk.command(queued.id, "cancel"))?.before.status).toBe("queued");
    expect(await hub.desk.find(queued.id)).toBeUndefined();
    hub.roster.join("a");
    const assigned = await hub.submit();
    await hub.quiet();
    expect(await hub.desk.command(assigned.id, "cancel")).toMatchObject({ before: { assigned_to: "a" }, after: undefined });
    expect(await hub.desk.command(assigned.id, "cancel")).toBeUndefined();
    expect(await hub.desk.command(assigned.id, "retry")).toBeUndefined();
  });

  it("requeues the task of an agent that leaves, and gives it to another in a higher generation", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    hub.roster.leave("a");
    await hub.quiet();
    expect(await hub.desk.find(id)).toMatchObject({ status: "queued", generation: 2, assigned_to: null });
    hub.roster.join("b");
    await hub.quiet();
    expect(hub.roster.pushed.at(-1)).toMatchObject({ agentId: "b", task: { id, generation: 3 } });
    expect(await hub.desk.report("a", { type: "task_complete", task_id: id, generation: 1 })).toMatchObject({ ok: false });
  });

  it("takes the task back when the agent is gone by the time that the assignment is stored", async () => {
    hub.roster.join("a");
    const submitted = hub.submit();
    const assign = hub.roster.assign.bind(hub.roster);
    hub.roster.assign = (agentId, task) => {
      hub.roster.assign = assign;
      hub.roster.leave(agentId);
      return assign(agentId, task);
    };
    const { id } = await submitted;
    await hub.quiet();
    expect(hub.roster.pushed).toEqual([]);
    expect(await hub.desk.find(id)).toMatchObject({ status: "queued", generation: 2 });
    hub.roster.join("b");
    await hub.quiet();
    expect(hub.roster.pushed).toMatchObject([{ agentId: "b", task: { id, generation: 3 } }]);
  });

  it("counts and lists by status, priority, agent and goal", async () => {
    hub.roster.join("a", ["x"]);
    const done = await hub.submit({ goal_id: "goal-1", needed_capabilities: ["x"] });
    await hub.quiet();
    await hub.complete("a");
    hub.roster.leave("a");
    const high = await hub.submit({ priority: "high", needed_capabilities: ["y"] });
    hub.clock.advance(1);
    const normal = await hub.submit({ goal_id: "goal-1", needed_capabilities: ["y"] });
    const ids = async (filter: Parameters<typeof hub.desk.list>[0]) => (await hub.desk.list(filter)).map((task) => task.id);
    expect(await ids({})).toEqual([high.id, done.id, normal.id]);
    expect(await ids({ status: "queued" })).toEqual([high.id, normal.id]);
    expect(await ids({ priority: 1 })).toEqual([high.id]);
    expect(await ids({ assigned_to: "a" })).toEqual([done.id]);
    expect(await ids({ goal_id: "goal-1" })).toEqual([done.id, normal.id]);
    expect(await ids({ goal_id: "goal-1", status: "completed" })).toEqual([done.id]);
    expect(await hub.desk.stats()).toEqual({
      by_status: { completed: 1, queued: 2 },
      by_priority: { "1": 1, "2": 1 },
      dead_letter: 0,
      queued_index_size: 2,
    });
  });

  it("reclaims a stuck task: after 10 minutes without touch if its agent does something else, after 20 if it works on it", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    hub.roster.working("a", id);
    for (const [minutes, status] of [
      [10, "assigned"],
      [10, "queued"],
    ] as const) {
      for (let half = 0; half < minutes * 2; half++) {
        hub.clock.advance(30_000);
        await hub.quiet();
      }
      // Released, the agent is handed the task once more.
      const found = await hub.desk.find(id);
      expect(status === "queued" ? found?.generation : found?.status).toBe(status === "queued" ? 3 : status);
    }
    expect(hub.roster.released).toEqual([{ agentId: "a", taskId: id }]);
  });

  it("lets progress keep a task from being stuck", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    hub.roster.working("a", id);
    for (let half = 0; half < 60; half++) {
      expect(await hub.desk.report("a", { type: "task_progress", task_id: id })).toEqual({ ok: true, done: "noted" });
      hub.clock.advance(30_000);
      await hub.quiet();
    }
    expect(await hub.desk.find(id)).toMatchObject({ status: "assigned", generation: 1 });
    expect(await hub.desk.report("a", { type: "task_progress", task_id: "task-x" })).toEqual({ ok: false, code: "not_found" });
  });

  it("reclaims an overdue task", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit({ complete_by: hub.clock.nowMs() + 1_000 });
    await hub.quiet();
    hub.roster.working("a", id);
    hub.clock.advance(TIMERS.overdueSweepEveryMs);
    await hub.quiet();
    expect(hub.roster.released).toEqual([{ agentId: "a", taskId: id }]);
    expect((await hub.desk.find(id))?.history.map((entry) => entry.event)).toContain("overdue");
  });

  it("expires queued tasks after ten minutes, trivial ones never", async () => {
    const standard = await hub.submit({ complexity_tier: "standard" });
    const trivial = await hub.submit();
    for (let minute = 0; minute < 11; minute++) {
      hub.clock.advance(60_000);
      await hub.quiet();
    }
    expect(await hub.desk.find(standard.id)).toMatchObject({ status: "dead_letter", last_error: "ttl_expired" });
    expect(await hub.desk.find(trivial.id)).toMatchObject({ status: "queued" });
  });

  it("prefers an agent on the selected endpoint's host, and falls back where no endpoint is healthy", async () => {
    const endpoint = { id: "gpu:11434", host: "gpu", models: ["m"], loadedModels: ["m"], resources: null };
    hub.endpoints = [{ ...endpoint, healthy: true }];
    hub.roster.join("elsewhere", [], "other");
    hub.roster.join("beside", [], "gpu");
    await hub.submit({ complexity_tier: "standard" });
    await hub.quiet();
    expect(hub.roster.pushed).toMatchObject([
      { agentId: "beside", task: { routing_decision: { selected_endpoint: "gpu:11434", fallback_used: false } } },
    ]);
    hub.endpoints = [{ ...endpoint, healthy: false }];
    await hub.submit({ complexity_tier: "standard" });
    await hub.quiet();
    expect(hub.roster.pushed[1]).toMatchObject({
      agentId: "elsewhere",
      task: { routing_decision: { selected_endpoint: null, fallback_reason: "no_healthy_ollama_endpoints" } },
    });
  });

  it("tells an agent to go on with a task of this generation, and to drop any other", async () => {
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    const report = (agentId: string, generation: number) =>
      hub.desk.report(agentId, { type: "state_report", task_id: id, generation });
    expect(await report("a", 1)).toEqual({ ok: true, done: "continue", generation: 1 });
    expect(await report("a", 0)).toEqual({ ok: true, done: "abort" });
    expect(await report("b", 1)).toEqual({ ok: true, done: "abort" });
    expect(await hub.desk.report("a", { type: "task_recovering", task_id: id })).toMatchObject({ done: "continue" });
    expect(await hub.desk.report("b", { type: "task_recovering", task_id: id })).toEqual({ ok: true, done: "abort" });
  });
});

describe("what the reference does and the tuned hub mends", () => {
  let hub: DeskInFolder;

  afterEach(() => hub.remove());

  it.each([
    [true, { done: "complete" }, "completed"],
    [false, { done: "retried" }, "queued"],
  ])("warts %s: a completion whose result says failed", async (warts, outcome, status) => {
    hub = await DeskInFolder.open({ fixes: warts ? NO_FIXES : ALL_FIXES, warts });
    const { id } = await hub.submit({ max_retries: DEFAULTS.maxRetries });
    hub.roster.join("a");
    await hub.quiet();
    const result = { status: "failed", verification_status: "execution_failed" };
    expect(await hub.desk.report("a", { type: "task_complete", task_id: id, generation: 1, result })).toMatchObject(outcome);
    expect(await hub.desk.find(id)).toMatchObject({ status });
  });

  it.each([
    [true, { ok: true, done: "complete" }],
    [false, { ok: false, code: "wrong_agent" }],
  ])("warts %s: the completion of another agent's task", async (warts, outcome) => {
    hub = await DeskInFolder.open({ fixes: warts ? NO_FIXES : ALL_FIXES, warts });
    const { id } = await hub.submit();
    hub.roster.join("a");
    await hub.quiet();
    expect(await hub.desk.report("b", { type: "task_complete", task_id: id, generation: 1 })).toEqual(outcome);
  });

  it("tuned: a rejected task goes back at once", async () => {
    hub = await DeskInFolder.open({ fixes: ALL_FIXES });
    hub.roster.join("a");
    const { id } = await hub.submit();
    await hub.quiet();
    expect(await hub.desk.report("b", { type: "task_rejected", task_id: id, reason: "busy" })).toMatchObject({ ok: false });
    expect(await hub.desk.report("a", { type: "task_rejected", task_id: id, reason: "busy" })).toEqual({
      ok: true,
      done: "requeued",
    });
  });

  it.each([
    [true, 4],
    [false, 1],
  ])("warts %s: a task that is overdue is taken from its agents this often in two minutes", async (warts, times) => {
    hub = await DeskInFolder.open({ fixes: warts ? NO_FIXES : ALL_FIXES, warts });
    hub.roster.join("a");
    const { id } = await hub.submit({ complete_by: hub.clock.nowMs() + 1_000 });
    for (let sweep = 0; sweep < 4; sweep++) {
      await hub.quiet();
      hub.roster.working("a", id);
      hub.clock.advance(TIMERS.overdueSweepEveryMs);
    }
    await hub.quiet();
    expect(hub.roster.released).toEqual(Array.from({ length: times }, () => ({ agentId: "a", taskId: id })));
    expect(await hub.desk.find(id)).toMatchObject({ status: "assigned", assigned_to: "a" });
  });

  it("tuned: keeps no more completed rows than it should, save those that others depend on", async () => {
    hub = await DeskInFolder.open({ fixes: ALL_FIXES, retainCompletedRows: 10 });
    hub.roster.join("a");
    const first = await hub.submit();
    await hub.quiet();
    await hub.complete("a");
    const dependant = await hub.submit({ depends_on: [first.id], assign_to: "nobody" });
    for (let count = 0; count < 120; count++) {
      await hub.submit();
      await hub.quiet();
      await hub.complete("a");
    }
    await hub.quiet();
    expect(await hub.desk.find(first.id)).toMatchObject({ status: "completed" });
    const { by_status } = await hub.desk.stats();
    expect(by_status["completed"]).toBeLessThanOrEqual(10 + 100);
    expect(by_status["completed"]).toBe((await hub.desk.list({ status: "completed" })).length);
    await hub.close();
    hub = await DeskInFolder.open({ fixes: ALL_FIXES, path: hub.folder.path, clock: hub.clock, retainCompletedRows: 10 });
    expect((await hub.desk.stats()).by_status).toEqual({ completed: 10, queued: 1 });
    expect(await hub.desk.find(dependant.id)).toMatchObject({ status: "queued" });
  });
});
