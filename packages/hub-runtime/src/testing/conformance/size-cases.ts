import assert from "node:assert/strict";
import { LIMITS } from "@hubscale/protocol";
import { type ConformanceCase, needsDescription } from "./conformance-case.ts";

/** What the hub adds to a draft, and the frame to a payload, with room to spare. */
const AROUND_BYTES = 4_096;
const LARGEST = "x".repeat(LIMITS.documentBytes - AROUND_BYTES);
const TOO_LARGE = "x".repeat(LIMITS.documentBytes);
const RESULT = "x".repeat(LIMITS.resultBytes - AROUND_BYTES);
/** A fourth of the limit as it is sent, above it as it is written again: each number becomes 21 digits. */
const GROWING = `[${Array.from({ length: LIMITS.documentBytes / 20 }, () => "1e20").join(",")}]`;

/** Docs: wire.md, "Sizes". */
export const sizeCases: readonly ConformanceCase[] = [
  {
    name: "a task of the largest size, with a result that fits beside it, is stored and shown",
    covers: "sizes",
    async run(_target, context) {
      await needsDescription(context, "sizes");
      const agent = await context.agent("worker");
      const { task_id, generation, metadata } = await context.handTask(agent, { metadata: { blob: LARGEST } });
      assert.deepEqual(metadata, { blob: LARGEST });
      agent.client.send({ type: "task_complete", task_id, generation, result: { blob: RESULT } });
      assert.equal((await agent.client.take("task_ack"))["status"], "complete");
      const task = await context.task(task_id);
      assert.deepEqual([task.status, task.metadata, task.result], ["completed", { blob: LARGEST }, { blob: RESULT }]);
      const small = await context.handTask(agent);
      agent.client.send({ type: "task_complete", task_id: small.task_id, generation: 1, result: { blob: LARGEST } });
      assert.equal((await agent.client.take("task_ack"))["status"], "complete");
      assert.deepEqual((await context.task(small.task_id)).result, { blob: LARGEST });
    },
  },
  {
    name: "a task above the limit on a document is refused before it is acknowledged",
    covers: "sizes",
    async run(_target, context) {
      await needsDescription(context, "sizes");
      const token = await context.submitter();
      const goalId = context.unique("goal");
      const rest = `"description":"x","goal_id":"${goalId}","assign_to":"${context.unique("nobody")}"`;
      for (const metadata of [
        `{"blob":"${TOO_LARGE}"}`,
        `{"blob":${GROWING}}`,
        `{"blob":"${"é".repeat(TOO_LARGE.length / 2)}"}`,
      ]) {
        const answer = await context.http("POST", "/api/tasks", { token, body: `{${rest},"metadata":${metadata}}` });
        assert.equal(answer.status, 413);
        assert.deepEqual(answer.body, { error: "payload_too_large", limit_bytes: LIMITS.documentBytes });
      }
      const listed = await context.http("GET", `/api/tasks?goal_id=${goalId}`, { token });
      assert.deepEqual(listed.body, { tasks: [], count: 0 });
    },
  },
  {
    name: "a result that does not fit beside its task makes it a dead letter and frees the agent",
    covers: "sizes, task_ack dead_letter",
    async run(_target, context) {
      await needsDescription(context, "sizes");
      const agent = await context.agent("worker");
      for (const fields of [
        { result: { blob: LARGEST } },
        { result: {}, verification_report: LARGEST },
        { result: {}, verification_history: [LARGEST] },
      ]) {
        const { task_id, generation } = await context.handTask(agent, { metadata: { blob: LARGEST } });
        agent.client.send({ type: "task_complete", task_id, generation, ...fields });
        assert.deepEqual(await agent.client.take("task_ack"), { type: "task_ack", task_id, status: "dead_letter" });
        const task = await context.task(task_id);
        assert.deepEqual([task.status, task.result], ["dead_letter", null]);
        assert.match(task.last_error ?? "", /^result_too_large: \d+ bytes beside this task$/);
      }
      await context.handTask(agent);
    },
  },
  {
    name: "a message above the limit on a document is refused and not acknowledged",
    covers: "sizes, message, channel_publish",
    async run(_target, context) {
      await needsDescription(context, "sizes");
      const { client } = await context.agent("from");
      const away = context.unique("away");
      await context.register(away);
      const refusal = { type: "error", error: "payload_too_large", limit_bytes: LIMITS.documentBytes };
      const payload = { blob: TOO_LARGE };
      for (const frame of [
        { type: "message", payload },
        { type: "message", to: away, payload },
        { type: "channel_publish", channel: context.unique("channel"), payload },
      ]) {
        client.send(frame);
        assert.deepEqual(
          await client.take(({ type }) => type === "error" || type === "message_sent" || type === "channel_published"),
          refusal,
        );
      }
      client.send({ type: "message", to: away, payload: { blob: LARGEST } });
      await client.take("message_sent");
    },
  },
  {
    name: "lists of a task have limits, and what it waits for counts once",
    covers: "sizes, POST /api/tasks",
    async run(_target, context) {
      await needsDescription(context, "sizes");
      const token = await context.submitter();
      const post = (body: object) => context.http("POST", "/api/tasks", { token, body: { description: "x", ...body } });
      const many = <T>(count: number, item: (index: number) => T) =>
        Array.from({ length: count + 1 }, (_, index) => item(index));
      for (const [field, list] of [
        ["needed_capabilities", many(LIMITS.capabilities, (index) => `c${index}`)],
        ["depends_on", many(LIMITS.dependsOn, () => "task-0000000000000000")],
        ["file_hints", many(LIMITS.taskListItems, () => ({ path: "a" }))],
        ["success_criteria", many(LIMITS.taskListItems, () => "a")],
        ["verification_steps", many(LIMITS.taskListItems, () => ({ type: "a", target: "b" }))],
      ] as const) {
        const { status, body } = await post({ [field]: list });
        assert.equal(status, 422);
        assert.deepEqual(
          (body as { errors: { field: string; error: string }[] }).errors.map(({ field, error }) => [field, error]),
          [[field, "too_long"]],
        );
      }
      const first = await post({ needed_capabilities: [context.unique("nobody")] });
      const { task_id: taskId } = first.body as { task_id: string };
      const second = await post({ depends_on: Array.from({ length: LIMITS.dependsOn }, () => taskId) });
      assert.equal(second.status, 201);
      const { task_id: dependentId } = second.body as { task_id: string };
      const found = await context.http("GET", `/api/tasks/${dependentId}`, { token });
      assert.deepEqual((found.body as { depends_on: string[] }).depends_on, [taskId]);
      for (const id of [dependentId, taskId]) await context.http("POST", `/api/tasks/${id}/cancel`, { token });
    },
  },
  {
    name: "an agent that says too much of itself is not let in",
    covers: "sizes, identify",
    async run(_target, context) {
      await needsDescription(context, "sizes");
      const agentId = context.unique("many");
      const token = await context.register(agentId);
      const client = await context.connect();
      client.send({ type: "identify", agent_id: agentId, token, extra: "x".repeat(LIMITS.payloadBytes / 2) });
      assert.equal((await client.closed).code, 1009);
    },
  },
];
