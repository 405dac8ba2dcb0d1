import { LIMITS, type Task } from "@hubscale/protocol";
import { describe, expect, it } from "vitest";
import { checkTask } from "./invariants.ts";
import { routeTask } from "./routing.ts";
import { draftOf } from "./task-draft.ts";
import { byDequeueOrder, cancelledDependencyOf, newTask, type TaskCommand, transition } from "./task-transition.ts";

const queued = newTask("task-1", draftOf({ description: "x", max_retries: 2 }, "sub"), 1_000);
const assigned = after(queued, { type: "assign", agentId: "alice" });
const completed = after(assigned, complete(1));
const deadLetter = after(queued, { type: "expire" });

function complete(generation: number, agentId: string | null = "alice"): TaskCommand {
  return {
    type: "complete",
    agentId,
    generation,
    result: { output: "done" },
    tokensUsed: 10,
    verificationReport: { status: "auto_pass" },
    verificationHistory: [{ run_number: 1 }],
  };
}
const fail = (generation: number, agentId: string | null = "alice"): TaskCommand => ({
  type: "fail",
  agentId,
  generation,
  error: "boom",
});

function after(task: Task, ...commands: TaskCommand[]): Task {
  return commands.reduce((before, command) => {
    const step = transition(before, command, before.updated_at + 1);
    if (!step.ok || !step.task) throw new Error(`${command.type} was refused`);
    return step.task;
  }, task);
}

describe("which command fits which status", () => {
  const decision = routeTask(queued, [], 1_500);
  const commands: Record<string, TaskCommand> = {
    route: { type: "route", decision },
    assign: { type: "assign", agentId: "bob" },
    touch: { type: "touch", agentId: "alice" },
    complete: complete(1),
    fail: fail(1),
    reclaim: { type: "reclaim", reason: "agent_disconnected" },
    expire: { type: "expire" },
    lose_dependency: { type: "lose_dependency", cancelled: "task-0" },
    cancel: { type: "cancel" },
    retry: { type: "retry" },
  };
  const statuses = { queued, assigned, completed, dead_letter: deadLetter };
  /** The next status, "gone", or the refusal. */
  it.each([
    // command, from queued, assigned, completed, dead_letter
    ["route", "queued", "invalid_state", "invalid_state", "invalid_state"],
    ["assign", "assigned", "invalid_state", "invalid_state", "invalid_state"],
    ["touch", "invalid_state", "assigned", "invalid_state", "invalid_state"],
    ["complete", "invalid_state", "completed", "invalid_state", "invalid_state"],
    ["fail", "invalid_state", "queued", "invalid_state", "invalid_state"],
    ["reclaim", "invalid_state", "queued", "invalid_state", "invalid_state"],
    ["expire", "dead_letter", "invalid_state", "invalid_state", "invalid_state"],
    ["lose_dependency", "dead_letter", "invalid_state", "invalid_state", "invalid_state"],
    ["cancel", "gone", "gone", "invalid_state", "invalid_state"],
    ["retry", "invalid_state", "invalid_state", "invalid_state", "queued"],
  ] as const)("%s", (name, ...outcomes) => {
    const found = Object.values(statuses).map((task) => {
      const step = transition(task, commands[name] as TaskCommand, 2_000);
      return step.ok ? (step.task?.status ?? "gone") : step.code;
    });
    expect(found).toEqual(outcomes);
  });
});

describe("new task", () => {
  it("is queued in generation 0, whatever else the draft carries", () => {
    const draft = {
      ...draftOf({ description: "x" }, "sub"),
      id: "task-2",
      status: "completed",
      generation: 9,
      assigned_to: "eve",
    };
    const task = newTask("task-1", draft, 1_000);
    expect(task).toMatchObject({ id: "task-1", status: "queued", generation: 0, assigned_to: null, created_at: 1_000 });
    expect(task.history).toEqual([{ details: "submitted", event: "queued", timestamp: 1_000 }]);
    expect(checkTask(task)).toEqual([]);
  });
});

describe("assign", () => {
  it("raises the generation and records agent and time", () => {
    expect(transition(queued, { type: "assign", agentId: "alice" }, 1_234)).toMatchObject({
      task: { generation: 1, assigned_to: "alice", assigned_at: 1_234, updated_at: 1_234 },
      event: { type: "assigned", taskId: "task-1", agentId: "alice", generation: 1 },
    });
  });
});

describe("fencing", () => {
  it.each([complete, fail])("refuses a generation that is not the present one: %o", (report) => {
    const again = after(assigned, { type: "reclaim", reason: "stuck" }, { type: "assign", agentId: "alice" });
    expect(again.generation).toBe(3);
    for (const generation of [0, 1, 2, 4]) {
      expect(transition(again, report(generation), 2_000)).toEqual({ ok: false, code: "stale_generation" });
    }
    expect(transition(again, report(3), 2_000).ok).toBe(true);
  });

  it("refuses the right generation from the wrong agent, unless nobody asks who it was", () => {
    expect(transition(assigned, complete(1, "bob"), 2_000)).toEqual({ ok: false, code: "wrong_agent" });
    expect(transition(assigned, { type: "touch", agentId: "bob" }, 2_000)).toEqual({ ok: false, code: "wrong_agent" });
    expect(transition(assigned, complete(1, null), 2_000).ok).toBe(true);
  });

  it("tells nothing of the agent to one who has the generation wrong", () => {
    expect(transition(assigned, complete(7, "bob"), 2_000)).toEqual({ ok: false, code: "stale_generation" });
  });
});

describe("complete", () => {
  it("keeps the result and who did it", () => {
    expect(completed).toMatchObject({
      status: "completed",
      generation: 1,
      assigned_to: "alice",
      result: { output: "done" },
      tokens_used: 10,
      verification_report: { status: "auto_pass" },
      verification_history: [{ run_number: 1 }],
    });
  });
});

describe("fail", () => {
  it("goes back to the queue with a new generation until the retries are used up", () => {
    const retried = after(assigned, fail(1));
    expect(retried).toMatchObject({ status: "queued", retry_count: 1, generation: 2, last_error: "boom", assigned_to: null });
    const last = transition(after(retried, { type: "assign", agentId: "alice" }), fail(3), 3_000);
    expect(last).toMatchObject({
      task: { status: "dead_letter", retry_count: 2, generation: 3, last_error: "boom", assigned_to: null },
      event: { type: "dead_lettered", agentId: "alice", because: "boom" },
    });
  });

  it.each([0, 1])("is final at once with max_retries %i", (maxRetries) => {
    expect(after({ ...assigned, max_retries: maxRetries }, fail(1)).status).toBe("dead_letter");
  });
});

describe("return to the queue", () => {
  it("names the agent that lost the task, and does not count as a retry", () => {
    expect(transition(assigned, { type: "reclaim", reason: "acceptance_timeout" }, 2_000)).toMatchObject({
      task: { status: "queued", generation: 2, retry_count: 0, assigned_to: null, assigned_at: null },
      event: { type: "requeued", agentId: "alice", because: "acceptance_timeout" },
    });
  });

  it("from dead letter starts the retries afresh and keeps the generation rising", () => {
    const dead = after({ ...assigned, max_retries: 1 }, fail(1));
    expect(dead).toMatchObject({ retry_count: 1, generation: 1 });
    expect(after(dead, { type: "retry" })).toMatchObject({ status: "queued", retry_count: 0, generation: 2, last_error: null });
  });
});

describe("expire", () => {
  it("leaves a dead letter that says why", () => {
    expect(deadLetter).toMatchObject({ status: "dead_letter", last_error: "ttl_expired", generation: 0 });
  });
});

describe("the loss of a dependency", () => {
  it("leaves a dead letter that names the cancelled task and cannot be retried", () => {
    const lost = after(queued, { type: "lose_dependency", cancelled: "task-0" });
    expect(lost).toMatchObject({ status: "dead_letter", last_error: "dependency_cancelled: task-0", generation: 0 });
    expect(cancelledDependencyOf(lost)).toBe("task-0");
    expect(transition(lost, { type: "retry" }, 9_000)).toEqual({ ok: false, code: "invalid_state" });
  });

  it("is not what an agent may claim", () => {
    const agentError: TaskCommand = { type: "fail", agentId: "alice", generation: 1, error: "dependency_cancelled: task-0" };
    const failed = after({ ...assigned, max_retries: 1 }, agentError);
    expect(cancelledDependencyOf(failed)).toBeUndefined();
    expect(after(failed, { type: "retry" }).status).toBe("queued");
  });
});

describe("history", () => {
  it("is newest first and stays within its limit", () => {
    let task = queued;
    for (let round = 0; round < LIMITS.historyEntries; round++) {
      task = after(task, { type: "assign", agentId: `agent-${round}` }, { type: "reclaim", reason: "stuck" });
    }
    expect(task.history).toHaveLength(LIMITS.historyEntries);
    expect(task.history[0]).toMatchObject({ event: "stuck", timestamp: task.updated_at });
    expect(task.history[1]).toMatchObject({ event: "assigned", details: { agent_id: "agent-49", generation: 99 } });
    const times = task.history.map((entry) => entry.timestamp);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it("is not written by routes and touches", () => {
    const touched = after(assigned, { type: "touch", agentId: "alice" });
    expect(touched.history).toEqual(assigned.history);
    expect(touched.updated_at).toBe(assigned.updated_at + 1);
  });
});

describe("dequeue order", () => {
  it("is priority, then age, then id", () => {
    const key = (priority: 0 | 1 | 2 | 3, created_at: number, id: string) => ({ priority, created_at, id });
    const order = [key(0, 9, "z"), key(1, 1, "b"), key(1, 2, "a"), key(1, 2, "b"), key(3, 0, "a")];
    expect(order.toReversed().sort(byDequeueOrder)).toEqual(order);
    expect(byDequeueOrder(key(1, 2, "a"), key(1, 2, "a"))).toBe(0);
  });
});

describe("what a task's life adds to its record", () => {
  const worst = "\u0001";

  it("fits into the room that a record has for it, whatever agents call themselves and say", () => {
    const agentId = worst.repeat(LIMITS.agentIdChars);
    const error = worst.repeat(LIMITS.errorChars);
    const draft = draftOf({ description: "x", max_retries: 100, metadata: { model: worst.repeat(LIMITS.nameChars) } }, "sub");
    const model = worst.repeat(LIMITS.nameChars);
    const endpoint = { id: `${worst.repeat(LIMITS.nameChars)}:65535`, host: "h", healthy: true, models: [model] };
    let task = newTask("task-1", draft, 1_000);
    for (let tries = 1; tries <= LIMITS.historyEntries; tries++) {
      const decision = routeTask(task, [{ ...endpoint, loadedModels: [model], resources: null }], 1_500);
      const { generation } = after(task, { type: "assign", agentId });
      task = after(
        task,
        { type: "route", decision },
        { type: "assign", agentId },
        { type: "fail", agentId, generation, error },
      );
    }
    expect(task.history).toHaveLength(LIMITS.historyEntries);
    const addedBytes = JSON.stringify(task).length - JSON.stringify(newTask("task-1", draft, 1_000)).length;
    expect(addedBytes).toBeGreaterThan(LIMITS.hubRecordBytes / 3);
    expect(addedBytes).toBeLessThan(LIMITS.hubRecordBytes - 4_096);
  });

  it("ends at once where another try would end alike", () => {
    const ended = after(assigned, { type: "fail", agentId: "alice", generation: 1, error: "boom", isFinal: true });
    expect(ended).toMatchObject({ status: "dead_letter", last_error: "boom", retry_count: 1 });
  });
});
