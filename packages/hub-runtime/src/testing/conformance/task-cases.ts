import assert from "node:assert/strict";
import type { ConformanceCase } from "./conformance-case.ts";
import { withoutPresence } from "./sidecar-client.ts";

/** Docs: wire.md, "The life of a task". */
export const taskCases: readonly ConformanceCase[] = [
  {
    name: "a task from submission to completion",
    covers: "task_assign, task_accepted, task_progress, task_complete",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const taskId = await context.submit({ assign_to: agent.agentId, metadata: { shell_command: "true" } });
      const assign = await agent.client.takeAssign(taskId);
      assert.deepEqual(Object.keys(assign).sort(), ASSIGN_FIELDS);
      assert.equal(assign.generation, 1);
      assert.deepEqual(assign.metadata, { shell_command: "true" });
      assert.equal(assign.routing_decision.target_type, "sidecar");
      const accepted = await agent.client.answersTo({ type: "task_accepted", task_id: taskId });
      assert.deepEqual(withoutPresence(accepted), [{ type: "task_ack", task_id: taskId, status: "accepted" }]);
      const progress = await agent.client.answersTo({ type: "task_progress", task_id: taskId, progress: 50 });
      assert.deepEqual(withoutPresence(progress), [], "progress is not answered");
      agent.client.send({
        type: "task_complete",
        task_id: taskId,
        generation: 1,
        result: { status: "success" },
        tokens_used: 10,
      });
      assert.deepEqual(await agent.client.take("task_ack"), { type: "task_ack", task_id: taskId, status: "complete" });
      const task = await context.task(taskId);
      assert.equal(task.status, "completed");
      assert.equal(task.assigned_to, agent.agentId);
      assert.deepEqual(task.result, { status: "success" });
      assert.equal(task.tokens_used, 10);
      assert.deepEqual(
        task.history.map(({ event }) => event),
        ["completed", "assigned", "queued"],
      );
    },
  },
  {
    name: "a completion is refused by generation, state and id",
    covers: "task_complete_failed",
    async run(_target, context) {
      const { client, ...agent } = await context.agent("worker");
      const { task_id, generation } = await context.handTask({ client, ...agent });
      const complete = (fields: Record<string, unknown>) =>
        client.answersTo({ type: "task_complete", task_id, generation, result: {}, ...fields });
      assert.deepEqual(withoutPresence(await complete({ generation: generation - 1 })), [
        failure("task_complete_failed: stale_generation"),
      ]);
      assert.equal((await context.task(task_id)).status, "assigned");
      client.send({ type: "task_complete", task_id, generation, result: {} });
      await client.take("task_ack");
      assert.deepEqual(withoutPresence(await complete({})), [failure("task_complete_failed: invalid_state")]);
      assert.deepEqual(withoutPresence(await complete({ task_id: "task-0000000000000000" })), [
        failure("task_complete_failed: not_found"),
      ]);
    },
  },
  {
    name: "a failed task is retried, then a dead letter, then retried by hand",
    covers: "task_failed, dead letter, POST /api/tasks/:id/retry",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const token = await context.submitter();
      const { task_id, generation } = await context.handTask(agent, { max_retries: 2 });
      const fail = async (at: number) => {
        agent.client.send({ type: "task_failed", task_id, generation: at, error: "boom" });
        return (await agent.client.take("task_ack"))["status"];
      };
      assert.equal(await fail(generation), "retried");
      const again = await agent.client.takeAssign(task_id);
      assert.equal(
        again.generation,
        generation + 2,
        "the return to the queue and the assignment raise the generation by one each",
      );
      assert.equal(await fail(again.generation), "dead_letter");
      const dead = await context.http("GET", "/api/tasks/dead-letter", { token });
      const found = (dead.body as { tasks: { id: string; last_error: string }[] }).tasks.find(({ id }) => id === task_id);
      assert.equal(found?.last_error, "boom");
      const retried = await context.http("POST", `/api/tasks/${task_id}/retry`, { token });
      assert.equal(retried.status, 200);
      assert.deepEqual(retried.body, { status: "requeued", task_id, priority: 2 });
      const last = await agent.client.takeAssign(task_id);
      assert.ok(last.generation > again.generation, "a retry raises the generation");
      agent.client.send({ type: "task_complete", task_id, generation: last.generation, result: {} });
      assert.equal((await agent.client.take("task_ack"))["status"], "complete");
    },
  },
  {
    name: "an agent's task goes back to the queue when it disconnects",
    covers: "reclaim: agent disconnect",
    async run(_target, context) {
      const capability = context.unique("skill");
      const first = await context.agent("first", { capabilities: [capability] });
      const taskId = await context.submit({ needed_capabilities: [capability] });
      const assign = await first.client.takeAssign(taskId);
      const second = await context.agent("second", { capabilities: [capability] });
      await first.client.close();
      const again = await second.client.takeAssign(taskId);
      assert.equal(again.generation, assign.generation + 2);
    },
  },
  {
    name: "an agent that lost its task cannot complete it",
    covers: "fencing",
    async run(_target, context) {
      const capability = context.unique("skill");
      const first = await context.agent("first", { capabilities: [capability] });
      const taskId = await context.submit({ needed_capabilities: [capability] });
      const assign = await first.client.takeAssign(taskId);
      await first.client.close();
      const second = await context.agent("second", { capabilities: [capability] });
      const again = await second.client.takeAssign(taskId);
      const back = await context.identify(first.agentId, first.token);
      const refused = await back.client.answersTo({
        type: "task_complete",
        task_id: taskId,
        generation: assign.generation,
        result: {},
      });
      assert.deepEqual(withoutPresence(refused), [failure("task_complete_failed: stale_generation")]);
      second.client.send({ type: "task_complete", task_id: taskId, generation: again.generation, result: {} });
      assert.equal((await second.client.take("task_ack"))["status"], "complete");
    },
  },
  {
    name: "a recovering agent is told to go on, or that its task is gone",
    covers: "task_recovering",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const { task_id, generation } = await context.handTask(agent);
      const continued = await agent.client.answersTo({ type: "task_recovering", task_id });
      assert.deepEqual(withoutPresence(continued), [{ type: "task_continue", task_id, generation }]);
      const other = await context.agent("other");
      const gone = await other.client.answersTo({ type: "task_recovering", task_id });
      assert.deepEqual(withoutPresence(gone), [{ type: "task_reassign", task_id }]);
    },
  },
  {
    name: "a state report is checked against agent and generation",
    covers: "state_report",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const { task_id, generation } = await context.handTask(agent);
      const report = async (at: number) => {
        const frames = await agent.client.answersTo({ type: "state_report", task_id, status: "working", generation: at });
        return withoutPresence(frames);
      };
      assert.deepEqual(await report(generation), [{ type: "state_report_ack", task_id, action: "continue" }]);
      assert.deepEqual(await report(generation - 1), [{ type: "state_report_ack", task_id, action: "abort" }]);
    },
  },
  {
    name: "a wake result and a resource report are not answered",
    covers: "wake_result, resource_report",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const { task_id } = await context.handTask(agent);
      const woken = await agent.client.answersTo({ type: "wake_result", task_id, status: "success", attempt: 1 });
      assert.deepEqual(withoutPresence(woken), []);
      const reported = await agent.client.answersTo({
        type: "resource_report",
        cpu_percent: 25,
        ram_used_bytes: 1,
        ram_total_bytes: 2,
        vram_used_bytes: null,
        vram_total_bytes: null,
        timestamp: 1,
      });
      assert.deepEqual(withoutPresence(reported), []);
    },
  },
  {
    name: "cancelling an assigned task tells its agent and frees it",
    covers: "task_cancelled",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const { task_id } = await context.handTask(agent);
      const answer = await context.http("POST", `/api/tasks/${task_id}/cancel`, { token: await context.submitter() });
      assert.deepEqual(answer.body, { status: "cancelled", task_id, previous_status: "assigned" });
      const told = await agent.client.take("task_cancelled");
      assert.equal(told["task_id"], task_id);
      const next = await context.submit({ assign_to: agent.agentId });
      await agent.client.takeAssign(next);
    },
  },
  {
    name: "a failed result is a failure, or a completion as in the reference",
    covers: "task_complete with result.status failed",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const { task_id, generation } = await context.handTask(agent, { max_retries: 1 });
      agent.client.send({ type: "task_complete", task_id, generation, result: { status: "failed" } });
      const { status } = await agent.client.take("task_ack");
      const stored = (await context.task(task_id)).status;
      assert.ok(
        (status === "complete" && stored === "completed") || (status === "dead_letter" && stored === "dead_letter"),
        `acknowledged ${status}, stored ${stored}`,
      );
    },
  },
];

const ASSIGN_FIELDS = [
  "assigned_at",
  "branch",
  "complexity",
  "description",
  "file_hints",
  "generation",
  "max_verification_retries",
  "metadata",
  "repo",
  "routing_decision",
  "skip_verification",
  "success_criteria",
  "task_id",
  "type",
  "verification_steps",
  "verification_timeout_ms",
];

function failure(error: string): { type: string; error: string } {
  return { type: "error", error };
}
