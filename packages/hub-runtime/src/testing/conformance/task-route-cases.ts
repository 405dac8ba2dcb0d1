import assert from "node:assert/strict";
import type { Task } from "@hubscale/protocol";
import type { ConformanceCase } from "./conformance-case.ts";
import { assertFieldError } from "./field-error.ts";

const NO_TASK = "task-0000000000000000";

/** Docs: wire.md, "HTTP": the routes of tasks. */
export const taskRouteCases: readonly ConformanceCase[] = [
  {
    name: "a submission is queued under an id of the hub's making",
    covers: "POST /api/tasks 201",
    async run(_target, context) {
      const token = await context.submitter();
      for (const [name, number] of [
        ["urgent", 0],
        ["high", 1],
        ["normal", 2],
        ["low", 3],
        [undefined, 2],
      ] as const) {
        const answer = await context.http("POST", "/api/tasks", {
          token,
          body: { description: "one", assign_to: context.unique("nobody"), ...(name ? { priority: name } : {}) },
        });
        assert.equal(answer.status, 201);
        const body = answer.body as Record<string, unknown>;
        assert.deepEqual(Object.keys(body).sort(), ["created_at", "priority", "status", "task_id"]);
        assert.match(String(body["task_id"]), /^task-[0-9a-f]{16}$/);
        assert.equal(body["priority"], number);
        assert.equal(body["status"], "queued");
        assert.ok(Math.abs(Number(body["created_at"]) - Date.now()) < 3_600_000, "created_at is not in Unix milliseconds");
      }
    },
  },
  {
    name: "a bad submission names each bad field",
    covers: "POST /api/tasks 422",
    async run(_target, context) {
      const token = await context.submitter();
      for (const [body, field, error] of [
        [{}, "description", "required"],
        [{ description: 7 }, "description", "wrong_type"],
        [{ description: "x".repeat(10_001) }, "description", "too_long"],
        [{ description: "x", priority: "soon" }, "priority", "invalid_value"],
        [{ description: "x", max_verification_retries: 6 }, "max_verification_retries", "invalid_value"],
        [{ description: "x", metadata: [] }, "metadata", "wrong_type"],
        [{ description: "x", complexity_tier: "hard" }, "complexity_tier", "invalid_value"],
      ] as const) {
        const answer = await context.http("POST", "/api/tasks", { token, body });
        assert.equal(answer.status, 422, `${field} ${error}`);
        assertFieldError(answer.body, field, error);
      }
      const longest = await context.http("POST", "/api/tasks", {
        token,
        body: { description: "x".repeat(10_000), assign_to: context.unique("nobody") },
      });
      assert.equal(longest.status, 201);
    },
  },
  {
    name: "a task shows what was asked for, with defaults filled in",
    covers: "GET /api/tasks/:id 200",
    async run(_target, context) {
      const goalId = context.unique("goal");
      const taskId = await context.submit({ assign_to: context.unique("nobody"), goal_id: goalId, metadata: { k: "v" } });
      const task = await context.task(taskId);
      assert.equal(task.id, taskId);
      assert.equal(task.status, "queued");
      assert.equal(task.generation, 0);
      assert.equal(task.retry_count, 0);
      assert.equal(task.max_retries, 3);
      assert.equal(task.max_verification_retries, 5);
      assert.equal(task.goal_id, goalId);
      assert.equal(task.submitted_by, context.unique("submitter"));
      assert.deepEqual(task.metadata, { k: "v" });
      assert.deepEqual(task.needed_capabilities, []);
      assert.equal(task.history.at(-1)?.event, "queued");
    },
  },
  {
    name: "an unknown task is not found",
    covers: "GET /api/tasks/:id 404, retry 404, cancel 404",
    async run(_target, context) {
      const token = await context.submitter();
      const answer = await context.http("GET", `/api/tasks/${NO_TASK}`, { token });
      assert.equal(answer.status, 404);
      assert.deepEqual(answer.body, { error: "task_not_found", task_id: NO_TASK });
      assert.equal((await context.http("POST", `/api/tasks/${NO_TASK}/retry`, { token })).status, 404);
      assert.equal((await context.http("POST", `/api/tasks/${NO_TASK}/cancel`, { token })).status, 404);
    },
  },
  {
    name: "the list is filtered, and sorted by priority and age",
    covers: "GET /api/tasks",
    async run(_target, context) {
      const token = await context.submitter();
      const goalId = context.unique("goal");
      const common = { goal_id: goalId, assign_to: context.unique("nobody") };
      const low = await context.submit({ ...common, priority: "low" });
      const first = await context.submit({ ...common, priority: "high" });
      const second = await context.submit({ ...common, priority: "high" });
      const listed = await context.http("GET", `/api/tasks?goal_id=${goalId}`, { token });
      const { tasks, count } = listed.body as { tasks: Task[]; count: number };
      assert.equal(count, 3);
      const ids = tasks.map(({ id }) => id);
      assert.equal(ids[2], low);
      // Two in one millisecond are in order of their ids, as the dequeue order is.
      const [a, b] = tasks;
      const inOrder = a && b && (a.created_at < b.created_at || (a.created_at === b.created_at && a.id < b.id));
      assert.ok(inOrder && ids.includes(first) && ids.includes(second), `in the order ${ids.join(", ")}`);
      const onlyLow = await context.http("GET", `/api/tasks?goal_id=${goalId}&priority=low&status=queued`, { token });
      assert.deepEqual(
        (onlyLow.body as { tasks: Task[] }).tasks.map(({ id }) => id),
        [low],
      );
      const none = await context.http("GET", `/api/tasks?goal_id=${goalId}&status=completed`, { token });
      assert.deepEqual(none.body, { tasks: [], count: 0 });
    },
  },
  {
    name: "statistics count by status and priority",
    covers: "GET /api/tasks/stats",
    async run(_target, context) {
      const token = await context.submitter();
      await context.submit({ assign_to: context.unique("nobody"), priority: "low" });
      const answer = await context.http("GET", "/api/tasks/stats", { token });
      assert.equal(answer.status, 200);
      const stats = answer.body as Record<string, unknown> & {
        by_status: Record<string, number>;
        by_priority: Record<string, number>;
      };
      assert.deepEqual(Object.keys(stats).sort(), ["by_priority", "by_status", "dead_letter", "queued_index_size"]);
      assert.ok((stats.by_status["queued"] ?? 0) >= 1);
      assert.ok((stats.by_priority["3"] ?? 0) >= 1);
      assert.equal(typeof stats["dead_letter"], "number");
      assert.equal(typeof stats["queued_index_size"], "number");
    },
  },
  {
    name: "a queued task can be cancelled, once",
    covers: "POST /api/tasks/:id/cancel 200",
    async run(_target, context) {
      const token = await context.submitter();
      const taskId = await context.submit({ assign_to: context.unique("nobody") });
      const answer = await context.http("POST", `/api/tasks/${taskId}/cancel`, { token });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, { status: "cancelled", task_id: taskId, previous_status: "queued" });
      assert.equal((await context.http("GET", `/api/tasks/${taskId}`, { token })).status, 404);
      assert.equal((await context.http("POST", `/api/tasks/${taskId}/cancel`, { token })).status, 404);
    },
  },
  {
    name: "only a dead letter can be retried",
    covers: "POST /api/tasks/:id/retry 404",
    async run(_target, context) {
      const taskId = await context.submit({ assign_to: context.unique("nobody") });
      const answer = await context.http("POST", `/api/tasks/${taskId}/retry`, { token: await context.submitter() });
      assert.equal(answer.status, 404);
    },
  },
  {
    name: "a task cannot depend on one that is not there",
    covers: "depends_on",
    async run(_target, context) {
      const token = await context.submitter();
      const answer = await context.http("POST", "/api/tasks", { token, body: { description: "x", depends_on: [NO_TASK] } });
      assert.equal(answer.status, 422);
    },
  },
];
