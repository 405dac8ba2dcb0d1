import assert from "node:assert/strict";
import { LIMITS, type SubmitTaskAnswer, type Task } from "@hubscale/protocol";
import { type ConformanceCase, type ConformanceContext, needsDescription } from "./conformance-case.ts";
import { assertFieldError } from "./field-error.ts";

/** Docs: wire.md, "Submitting twice". */
export const submissionKeyCases: readonly ConformanceCase[] = [
  {
    name: "a submission that is sent again with its key is answered alike and stored once",
    covers: "Idempotency-Key",
    async run(_target, context) {
      await needsDescription(context, "Idempotency-Key");
      const { submit, listed } = await submitterOf(context);
      const first = await submit('"one"');
      for (const key of ['"one"', "one"]) assert.deepEqual(await submit(key), first);
      const both = await Promise.all(["two", "two", "two", "two"].map((key) => submit(key)));
      assert.equal(new Set(both.map(({ task_id }) => task_id)).size, 1, "four at once made more than one task");
      assert.deepEqual((await listed()).sort(), [first.task_id, both[0]?.task_id].sort());
    },
  },
  {
    name: "the answer to a key outlives its task",
    covers: "Idempotency-Key",
    async run(_target, context) {
      await needsDescription(context, "Idempotency-Key");
      const { submit, listed, token } = await submitterOf(context);
      const cancelled = await submit("one");
      await context.http("POST", `/api/tasks/${cancelled.task_id}/cancel`, { token });
      assert.deepEqual(await submit("one"), cancelled);
      assert.deepEqual(await listed(), []);
      const agent = await context.agent("worker");
      const done = await submit("two", { assign_to: agent.agentId });
      const { task_id, generation } = await agent.client.takeAssign(done.task_id);
      agent.client.send({ type: "task_complete", task_id, generation, result: {} });
      await agent.client.take("task_ack");
      assert.deepEqual(await submit("two", { assign_to: agent.agentId }), done);
      assert.equal((await context.task(task_id)).status, "completed");
    },
  },
  {
    name: "a key belongs to one submitter and one body",
    covers: "Idempotency-Key 422",
    async run(_target, context) {
      await needsDescription(context, "Idempotency-Key");
      const { submit, ask } = await submitterOf(context);
      const first = await submit("one");
      const other = await ask("one", { priority: "high" });
      assert.equal(other.status, 422);
      assertFieldError(other.body, "idempotency-key", "invalid_value");
      const stranger = await context.register(context.unique("stranger"));
      const theirs = await ask("one", {}, stranger);
      assert.equal(theirs.status, 201);
      assert.notEqual((theirs.body as SubmitTaskAnswer).task_id, first.task_id);
    },
  },
  {
    name: "what is no key is refused",
    covers: "Idempotency-Key 422",
    async run(_target, context) {
      await needsDescription(context, "Idempotency-Key");
      const { ask, listed } = await submitterOf(context);
      for (const key of ['""', '"open', "two words", "x".repeat(LIMITS.submissionKeyChars + 1)]) {
        const answer = await ask(key);
        assert.equal(answer.status, 422, key);
        assertFieldError(answer.body, "idempotency-key", "invalid_value");
      }
      assert.deepEqual(await listed(), []);
    },
  },
  {
    name: "a submission that was refused may come again with its key",
    covers: "Idempotency-Key",
    async run(_target, context) {
      await needsDescription(context, "Idempotency-Key");
      const { ask, submit } = await submitterOf(context);
      const refused = await ask("one", { depends_on: ["task-0000000000000000"] });
      assert.equal(refused.status, 422);
      assert.equal((await ask("one", { depends_on: ["task-0000000000000000"] })).status, 422);
      const first = await submit("two");
      const dependent = await submit("three", { depends_on: [first.task_id] });
      assert.deepEqual(await submit("three", { depends_on: [first.task_id] }), dependent);
    },
  },
];

async function submitterOf(context: ConformanceContext) {
  const token = await context.submitter();
  const goal = context.unique("goal");
  const nobody = context.unique("nobody");
  const ask = (key: string, body: Record<string, unknown> = {}, of = token) =>
    context.http("POST", "/api/tasks", {
      token: of,
      headers: { "idempotency-key": key },
      body: { description: "one", goal_id: goal, assign_to: nobody, ...body },
    });
  return {
    token,
    ask,
    async submit(key: string, body: Record<string, unknown> = {}): Promise<SubmitTaskAnswer> {
      const answer = await ask(key, body);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      return answer.body as SubmitTaskAnswer;
    },
    async listed(): Promise<string[]> {
      const { body } = await context.http("GET", `/api/tasks?goal_id=${goal}`, { token });
      return (body as { tasks: Task[] }).tasks.map(({ id }) => id);
    },
  };
}
