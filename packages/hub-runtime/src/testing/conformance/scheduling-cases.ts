import assert from "node:assert/strict";
import type { ConformanceCase, ConformanceContext } from "./conformance-case.ts";
import { withoutPresence } from "./sidecar-client.ts";

/** Docs: wire.md, "Scheduling and routing". */
export const schedulingCases: readonly ConformanceCase[] = [
  {
    name: "an agent holds one task at a time",
    covers: "scheduling: one task per agent",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const first = await context.handTask(agent);
      const second = await context.submit({ assign_to: agent.agentId });
      assert.deepEqual(withoutPresence(await agent.client.unread()), []);
      agent.client.send({ type: "task_complete", task_id: first.task_id, generation: first.generation, result: {} });
      await agent.client.takeAssign(second);
      assert.equal(
        agent.client.inbox.find(({ type }) => type === "task_ack")?.["status"],
        "complete",
        "the next task came before the acknowledgement",
      );
    },
  },
  {
    name: "tasks leave the queue by priority, then by age",
    covers: "dequeue order",
    async run(_target, context) {
      // Of several nodes one knows a moment late what was given to another: older by that moment, a task has its place.
      for (const settleMs of [100, 500, 2_000]) {
        const { order, expected } = await dequeueOrder(context, settleMs);
        if (order.join() === expected.join()) return;
        if (settleMs === 2_000) assert.deepEqual(order, expected);
      }
    },
  },
  {
    name: "a task goes to an agent that can do it",
    covers: "needed_capabilities, assign_to",
    async run(_target, context) {
      const [a, b] = [context.unique("a"), context.unique("b")];
      const half = await context.agent("half", { capabilities: [a] });
      const whole = await context.agent("whole", { capabilities: [a, b] });
      const both = await context.submit({ needed_capabilities: [a, b] });
      await whole.client.takeAssign(both);
      const named = await context.submit({ assign_to: half.agentId });
      await half.client.takeAssign(named);
      assert.ok(!half.client.inbox.some((frame) => frame["task_id"] === both));
    },
  },
  {
    name: "a task waits for what it depends on",
    covers: "depends_on",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const other = await context.agent("other");
      const first = await context.handTask(other);
      const second = await context.submit({ assign_to: agent.agentId, depends_on: [first.task_id] });
      assert.deepEqual(withoutPresence(await agent.client.unread()), []);
      other.client.send({ type: "task_complete", task_id: first.task_id, generation: first.generation, result: {} });
      await agent.client.takeAssign(second);
    },
  },
  {
    name: "a task whose dependency is cancelled becomes a dead letter that says so, and so does what waits for it",
    covers: "depends_on, dependency_cancelled",
    async run(_target, context) {
      const token = await context.submitter();
      const nobody = context.unique("nobody");
      const dependency = await context.submit({ assign_to: nobody });
      const other = await context.submit({ assign_to: nobody });
      const dependent = await context.submit({ assign_to: nobody, depends_on: [other, dependency] });
      const last = await context.submit({ assign_to: nobody, depends_on: [dependent] });
      const cancelled = await context.http("POST", `/api/tasks/${dependency}/cancel`, { token });
      assert.equal(cancelled.status, 200);
      for (const taskId of [dependent, last]) {
        await context.eventually(async () => assert.equal((await context.task(taskId)).status, "dead_letter"));
        assert.equal((await context.task(taskId)).last_error, `dependency_cancelled: ${dependency}`);
        const retried = await context.http("POST", `/api/tasks/${taskId}/retry`, { token });
        assert.equal(retried.status, 409, "what it depends on will never complete");
        assert.deepEqual(retried.body, { error: "dependency_cancelled", task_id: taskId, cancelled: dependency });
      }
      assert.equal((await context.task(other)).status, "queued");
      const late = await context.submit({ assign_to: nobody, depends_on: [dependent] });
      await context.eventually(async () => assert.equal((await context.task(late)).status, "dead_letter"));
      assert.equal((await context.task(late)).last_error, `dependency_cancelled: ${dependency}`);
      const refused = await context.http("POST", "/api/tasks", {
        token,
        body: { description: "x", assign_to: nobody, depends_on: [dependency] },
      });
      assert.equal(refused.status, 422, "a cancelled task is unknown");
    },
  },
  {
    name: "a task waits for a dead letter, which may be retried",
    covers: "depends_on",
    async run(_target, context) {
      const agent = await context.agent("worker");
      const first = await context.handTask(agent, { max_retries: 1 });
      const second = await context.submit({ assign_to: agent.agentId, depends_on: [first.task_id] });
      agent.client.send({ type: "task_failed", task_id: first.task_id, generation: first.generation, error: "boom" });
      assert.equal((await agent.client.take("task_ack"))["status"], "dead_letter");
      assert.equal((await context.task(second)).status, "queued");
      const token = await context.submitter();
      assert.equal((await context.http("POST", `/api/tasks/${first.task_id}/retry`, { token })).status, 200);
      const again = await agent.client.takeAssign(first.task_id);
      agent.client.send({ type: "task_complete", task_id: first.task_id, generation: again.generation, result: {} });
      await agent.client.takeAssign(second);
    },
  },
  {
    name: "a rejected task is not lost",
    covers: "task_rejected",
    async run(_target, context) {
      const capability = context.unique("skill");
      const busy = await context.agent("busy", { capabilities: [capability] });
      const taskId = await context.submit({ needed_capabilities: [capability] });
      const { generation } = await busy.client.takeAssign(taskId);
      const [answer] = withoutPresence(await busy.client.answersTo({ type: "task_rejected", task_id: taskId, reason: "busy" }));
      if (answer) {
        // The reference does not know the frame: the task waits for the acceptance timeout.
        assert.equal(answer["error"], "validation_failed");
        assert.equal((await context.task(taskId)).status, "assigned");
        return;
      }
      const other = await context.agent("other", { capabilities: [capability] });
      const again = await Promise.race([other.client.takeAssign(taskId), busy.client.takeAssign(taskId)]);
      // One for taking it back, one for handing it out; two more for each agent that it was meant for and that could not take it.
      const steps = again.generation - generation;
      assert.ok(steps >= 2 && steps % 2 === 0, `from generation ${generation} to ${again.generation}`);
    },
  },
  {
    name: "a standard task without an endpoint is a fallback, a complex one goes to the API",
    covers: "complexity and routing",
    async run(_target, context) {
      const agent = await context.agent("worker");
      for (const [body, expected] of [
        [
          { description: "refactor the parser", complexity_tier: undefined },
          { effective_tier: "complex", target_type: "claude", selected_endpoint: "claude_api" },
        ],
        [
          { description: "fix typo", complexity_tier: undefined },
          { effective_tier: "trivial", target_type: "sidecar", selected_endpoint: null },
        ],
        [{ description: "add a test", complexity_tier: "unknown" }, { target_type: "ollama" }],
      ] as const) {
        const taskId = await context.submit({ assign_to: agent.agentId, ...body });
        const { generation, routing_decision } = await agent.client.takeAssign(taskId);
        const decision: Record<string, unknown> = { ...routing_decision };
        for (const [field, value] of Object.entries(expected))
          assert.equal(decision[field], value, `${body.description}: ${field}`);
        agent.client.send({ type: "task_complete", task_id: taskId, generation, result: {} });
        await agent.client.take("task_ack");
      }
    },
  },
];

/** The order in which tasks of three priorities leave the queue for an agent that comes `settleMs` after the last of them. */
async function dequeueOrder(context: ConformanceContext, settleMs: number): Promise<{ order: string[]; expected: string[] }> {
  const capability = context.unique(`skill-${settleMs}`);
  const submit = async (priority: string) => {
    const taskId = await context.submit({ needed_capabilities: [capability], priority });
    // So that no two are of one millisecond, where the order is that of the ids.
    await new Promise((resolve) => setTimeout(resolve, 3));
    return taskId;
  };
  const low = await submit("low");
  const normal = [await submit("normal"), await submit("normal")];
  const urgent = await submit("urgent");
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const { client } = await context.agent(`worker-${settleMs}`, { capabilities: [capability] });
  const order: string[] = [];
  while (order.length < 4) {
    const { task_id, generation } = (await client.take("task_assign")) as unknown as { task_id: string; generation: number };
    order.push(task_id);
    client.send({ type: "task_complete", task_id, generation, result: {} });
  }
  return { order, expected: [urgent, ...normal, low] };
}
