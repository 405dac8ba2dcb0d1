/** The desk of the sharded hub over each real engine, several nodes in one process. */
import { checkTask } from "@hubscale/hub-core";
import { systemRandomHex } from "@hubscale/hub-runtime";
import type { Task } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeskNode, type DeskNodeOptions, TestAgent, until } from "./desk-node.ts";
import { natsForTests } from "./start-nats.ts";
import { redisForTests } from "./start-redis.ts";

const engines = { redis: redisForTests(), nats: natsForTests() };
describe.each(["redis", "nats"] as const)("over %s,", (engine) => {
  let namespace: string;
  let open: DeskNode[];

  beforeEach(() => {
    namespace = `test-${systemRandomHex(4)}`;
    open = [];
  });

  afterEach(async () => {
    await Promise.all(open.map((node) => node.close()));
  });

  async function nodeOf(name: string, options: Partial<DeskNodeOptions> = {}): Promise<DeskNode> {
    const node = await DeskNode.open({ backbone: engines[engine].backbone, namespace, node: name, ...options });
    open.push(node);
    return node;
  }

  const forget = (node: DeskNode) => open.splice(open.indexOf(node), 1);

  describe("a task's way", () => {
    it("is submitted on one node, done by an agent of another, and found from both", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const agent = two.join(new TestAgent("ada"));
      const task = await one.submit({ priority: "high", description: "fix typo in the readme" });
      expect(task).toMatchObject({ status: "queued", generation: 0, priority: 1 });
      const given = await until("the assignment", () => agent.task);
      expect(given).toMatchObject({ id: task.id, status: "assigned", generation: 1, assigned_to: "ada" });
      expect(given.routing_decision).toMatchObject({ target_type: "sidecar" });
      expect(await one.desk.find(task.id)).toMatchObject({ status: "assigned", generation: 1, assigned_to: "ada" });
      expect(await two.complete(agent, given, { status: "ok", lines: 3 })).toEqual({ ok: true, done: "complete" });
      const found = await one.desk.find(task.id);
      expect(found).toMatchObject({ status: "completed", generation: 1, assigned_to: "ada", result: { lines: 3 } });
      expect(found?.routing_decision).toEqual(given.routing_decision);
      expect(found?.history.map(({ event }) => event)).toEqual(["completed", "assigned", "queued"]);
      expect(checkTask(found as NonNullable<typeof found>)).toEqual([]);
      expect(await two.desk.find(task.id)).toEqual(found);
    });

    it("stays over when a renewal of its lease is under way as it ends", async () => {
      // Renewed so often that many a completion falls between the look at the leases and the touches noted after it.
      const node = await nodeOf("one", { leaseMs: 200 });
      const done: string[] = [];
      for (let index = 0; index < 20; index++) {
        const agent = new TestAgent(`agent-${index}`);
        agent.onTask = (task) => {
          void node.desk.report(agent.agentId, { type: "task_accepted", task_id: task.id });
          setTimeout(() => void node.complete(agent, task).then(({ ok }) => ok && done.push(task.id)), 60);
        };
        node.join(agent);
      }
      const tasks: Task[] = [];
      for (let index = 0; index < 600; index++) tasks.push(await node.submit());
      await until("all completions", () => new Set(done).size === tasks.length);
      const after = await Promise.all(tasks.map(({ id }) => node.desk.find(id)));
      expect(after.filter((task) => task?.status !== "completed")).toEqual([]);
      expect(done).toHaveLength(tasks.length);
    });

    it("waits for an agent and goes to the first that comes, wherever", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const tasks = await Promise.all(Array.from({ length: 5 }, () => one.submit()));
      const agents = tasks.map((_, index) => two.join(new TestAgent(`agent-${index}`)));
      await until("five assignments", () => agents.every((agent) => agent.task));
      expect(new Set(agents.map((agent) => agent.taskId))).toEqual(new Set(tasks.map(({ id }) => id)));
    });

    it("leaves a queue in the order of priority, then age", async () => {
      const node = await nodeOf("one", { shards: 1 });
      const order = ["low", "normal", "urgent", "normal", "high", "urgent"] as const;
      const tasks: Task[] = [];
      for (const priority of order) tasks.push(await node.submit({ priority }));
      const agent = new TestAgent("ada");
      agent.onTask = (task) => setImmediate(() => void node.complete(agent, task));
      node.join(agent);
      await until("all of them", () => agent.received.length === order.length);
      const expected = [2, 5, 4, 1, 3, 0].map((index) => tasks[index]?.id);
      expect(agent.received.map(({ id }) => id)).toEqual(expected);
    });

    it("goes only to agents with the capabilities, and to the one that it names", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const plain = one.join(new TestAgent("plain"));
      const gpu = two.join(new TestAgent("gpu", ["cuda", "python"]));
      const wantsCuda = await one.submit({ needed_capabilities: ["cuda"] });
      await until("the GPU agent's task", () => gpu.taskId === wantsCuda.id);
      const forGpu = await one.submit({ assign_to: "gpu" });
      const forPlain = await two.submit({ assign_to: "plain" });
      await until("the named agent's task", () => plain.taskId === forPlain.id);
      expect(await one.desk.find(forGpu.id)).toMatchObject({ status: "queued" });
      await two.complete(gpu, gpu.task as NonNullable<typeof gpu.task>);
      await until("the other named agent's task", () => gpu.taskId === forGpu.id);
      expect(plain.received).toHaveLength(1);
    });
  });

  describe("a draining node", () => {
    it("takes no task for its idle agents, and those of others do not pass through its hands", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const ada = one.join(new TestAgent("ada"));
      await one.submit();
      await until("the first task", () => ada.task);
      const idle = one.join(new TestAgent("idle"));
      one.desk.notify({ type: "draining" });
      const task = await two.submit();
      const bob = two.join(new TestAgent("bob"));
      expect(await until("the second task", () => bob.task)).toMatchObject({ id: task.id, generation: 1 });
      expect(idle.received).toEqual([]);
      // What is held there is still completed there.
      expect(await one.complete(ada, ada.task as Task)).toEqual({ ok: true, done: "complete" });
    });
  });

  describe("fencing", () => {
    it("refuses a stale generation, a second completion, another's task and an unknown one", async () => {
      const node = await nodeOf("one");
      const agent = node.join(new TestAgent("ada"));
      await node.submit();
      const task = await until("the assignment", () => agent.task);
      expect(await node.complete(agent, { ...task, generation: 0 })).toEqual({ ok: false, code: "stale_generation" });
      const other = new TestAgent("bob");
      expect(await node.complete(other, task)).toEqual({ ok: false, code: "wrong_agent" });
      expect(await node.complete(agent, task)).toEqual({ ok: true, done: "complete" });
      expect(await node.complete(agent, task)).toEqual({ ok: false, code: "invalid_state" });
      const unknown = { ...task, id: task.id.replace(/.{4}$/, "ffff") };
      expect(await node.complete(agent, unknown)).toEqual({ ok: false, code: "not_found" });
      expect(await node.complete(agent, { ...task, id: "task-of-others" })).toEqual({ ok: false, code: "not_found" });
    });

    it("lets a task that was taken back be completed by its new holder only", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const ada = one.join(new TestAgent("ada"));
      await one.submit();
      const old = await until("the first assignment", () => ada.task);
      one.leave(ada);
      const bob = two.join(new TestAgent("bob"));
      const fresh = await until("the second assignment", () => bob.task);
      expect(fresh).toMatchObject({ id: old.id, generation: 3 });
      expect(await one.complete(ada, old)).toEqual({ ok: false, code: "stale_generation" });
      expect(await two.complete(bob, fresh)).toEqual({ ok: true, done: "complete" });
      expect((await one.desk.find(old.id))?.history.map(({ event }) => event)).toEqual([
        "completed",
        "assigned",
        "agent_disconnected",
        "assigned",
        "queued",
      ]);
    });

    it("accepts one of two racing completions", async () => {
      const node = await nodeOf("one");
      const agent = node.join(new TestAgent("ada"));
      await node.submit();
      const task = await until("the assignment", () => agent.task);
      const outcomes = await Promise.all([node.complete(agent, task), node.complete(agent, task)]);
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    });
  });

  describe("failure", () => {
    it("takes a completion whose result says failed for a failure", async () => {
      const node = await nodeOf("one");
      const agent = node.join(new TestAgent("ada"));
      await node.submit({ max_retries: 1 });
      const task = await until("the assignment", () => agent.task);
      expect(await node.complete(agent, task, { status: "failed" })).toEqual({ ok: true, done: "dead_letter" });
      expect(await node.desk.find(task.id)).toMatchObject({
        status: "dead_letter",
        last_error: expect.stringContaining("failed"),
      });
    });

    it("retries before younger tasks of its priority, then buries, then can be retried by hand", async () => {
      const node = await nodeOf("one", { shards: 1 });
      const agent = new TestAgent("ada");
      const task = await node.submit({ max_retries: 2 });
      const younger = await node.submit();
      node.join(agent);
      const first = await until("the first try", () => agent.task);
      expect(first.id).toBe(task.id);
      expect(await node.fail(agent, first, "boom")).toEqual({ ok: true, done: "retried" });
      const second = await until("the second try", () => (agent.task === first ? undefined : agent.task));
      expect(second).toMatchObject({ id: task.id, generation: 3, retry_count: 1, last_error: "boom" });
      expect(await node.fail(agent, second, "boom again")).toEqual({ ok: true, done: "dead_letter" });
      await until("the younger task", () => agent.taskId === younger.id);
      const buried = await node.desk.find(task.id);
      expect(buried).toMatchObject({ status: "dead_letter", retry_count: 2, generation: 3, last_error: "boom again" });
      expect(await node.desk.list({ status: "dead_letter" })).toEqual([buried]);
      expect(await node.desk.stats()).toMatchObject({ dead_letter: 1, by_status: { assigned: 1 } });
      expect(await node.fail(agent, second)).toEqual({ ok: false, code: "invalid_state" });

      const change = await node.desk.command(task.id, "retry");
      expect(change?.after).toMatchObject({ status: "queued", retry_count: 0, generation: 4, last_error: null });
      expect(await node.desk.find(task.id)).toEqual({
        ...change?.after,
        updated_at: expect.any(Number),
        history: expect.any(Array),
      });
      expect(await node.desk.command(task.id, "retry")).toBeUndefined();
      await node.complete(agent, agent.task as NonNullable<typeof agent.task>);
      const third = await until("the third try", () => (agent.taskId === task.id ? agent.task : undefined));
      expect(third.generation).toBe(5);
      expect(await node.complete(agent, third)).toEqual({ ok: true, done: "complete" });
      expect(await node.desk.find(task.id)).toMatchObject({ status: "completed", generation: 5 });
    });
  });

  describe("cancelling", () => {
    it("removes a queued task, and takes an assigned one from under its agent on another node", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const queued = await one.submit();
      expect(await two.desk.command(queued.id, "cancel")).toMatchObject({ before: { status: "queued" } });
      expect(await one.desk.find(queued.id)).toBeUndefined();
      const agent = two.join(new TestAgent("ada"));
      const assigned = await one.submit();
      const held = await until("the assignment", () => agent.task);
      expect(held.id).toBe(assigned.id);
      expect(await one.desk.command(assigned.id, "cancel")).toMatchObject({
        before: { status: "assigned", assigned_to: "ada" },
      });
      expect(await two.complete(agent, held)).toEqual({ ok: false, code: "not_found" });
      expect(await two.desk.find(assigned.id)).toBeUndefined();
      expect(await two.desk.command(assigned.id, "cancel")).toBeUndefined();
      expect((await one.desk.stats()).by_status).toEqual({});
    });

    it("leaves a completed task alone", async () => {
      const node = await nodeOf("one");
      const agent = node.join(new TestAgent("ada"));
      const task = await node.submit();
      await node.complete(agent, await until("the assignment", () => agent.task));
      expect(await node.desk.command(task.id, "cancel")).toBeUndefined();
      expect(await node.desk.find(task.id)).toMatchObject({ status: "completed" });
    });
  });

  describe("leases", () => {
    const leaseMs = 600;

    it("returns the task of a dead node with its generation raised, and the dead node's agent goes on elsewhere if quick", async () => {
      const [one, two] = [await nodeOf("one", { leaseMs }), await nodeOf("two", { leaseMs })];
      const [ada, bob] = [one.join(new TestAgent("ada")), one.join(new TestAgent("bob"))];
      await Promise.all([one.submit(), one.submit()]);
      const [quick, slow] = await until("both assignments", () => ada.task && bob.task && ([ada.task, bob.task] as const));
      one.kill();
      forget(one);
      // Ada is back at once and goes on; Bob stays away.
      const again = new TestAgent("ada");
      again.state = "working";
      again.task = quick;
      two.join(again);
      const report = { type: "state_report", task_id: quick.id, status: "working", generation: quick.generation } as const;
      expect(await two.desk.report("ada", report)).toEqual({ ok: true, done: "continue", generation: 1 });
      const carl = two.join(new TestAgent("carl"));
      const returned = await until("the return of the other task", () => carl.task);
      expect(returned).toMatchObject({ id: slow.id, generation: 3 });
      expect(returned.history.map(({ event }) => event)).toEqual(["assigned", "lease_expired", "assigned", "queued"]);
      expect(await two.complete(again, quick)).toEqual({ ok: true, done: "complete" });
      const late = { type: "state_report", task_id: slow.id, status: "working", generation: slow.generation } as const;
      expect(await two.desk.report("bob", late)).toEqual({ ok: true, done: "abort" });
      expect(await two.complete(carl, returned)).toEqual({ ok: true, done: "complete" });
    });

    it("of an agent that came back with its task outlive a task that it was handed before it said so", async () => {
      const [one, two] = [await nodeOf("one", { leaseMs }), await nodeOf("two", { leaseMs })];
      const ada = one.join(new TestAgent("ada"));
      const old = await one.submit();
      const { generation } = await until("the first task", () => ada.task);
      one.kill();
      forget(one);
      const again = two.join(new TestAgent("ada"));
      const fresh = await two.submit();
      await until("the second task", () => again.taskId === fresh.id);
      const report = { type: "state_report", task_id: old.id, status: "working", generation } as const;
      expect(await two.desk.report("ada", report)).toMatchObject({ done: "continue" });
      expect(again.cancelled).toEqual([fresh.id]);
      again.state = "working";
      const bob = two.join(new TestAgent("bob"));
      await until("the second task with another agent", () => bob.taskId === fresh.id);
      expect(await two.complete(again, { ...old, generation })).toEqual({ ok: true, done: "complete" });
    });

    it("are renewed as long as the agent works", async () => {
      const node = await nodeOf("one", { leaseMs });
      await nodeOf("two", { leaseMs });
      const agent = node.join(new TestAgent("ada"));
      await node.submit();
      const task = await until("the assignment", () => agent.task);
      await new Promise((resolve) => setTimeout(resolve, 3 * leaseMs));
      expect(await node.complete(agent, task)).toEqual({ ok: true, done: "complete" });
      expect(agent.received).toHaveLength(1);
    });

    it("a completion without a state report is accepted from an agent that came back on another node", async () => {
      const [one, two] = [await nodeOf("one", { leaseMs }), await nodeOf("two", { leaseMs })];
      const agent = one.join(new TestAgent("ada"));
      await one.submit();
      const task = await until("the assignment", () => agent.task);
      one.kill();
      forget(one);
      expect(await two.complete(new TestAgent("ada"), task)).toEqual({ ok: true, done: "complete" });
    });
  });

  describe("history", () => {
    it("can be seeded, once, and is bounded by what the queues keep", async () => {
      const node = await nodeOf("one", { seedCompletedRows: 300 });
      await nodeOf("two", { seedCompletedRows: 300 });
      expect(await node.desk.stats()).toEqual({
        by_status: { completed: 300 },
        by_priority: {},
        dead_letter: 0,
        queued_index_size: 0,
      });
      const tasks = await node.desk.list({ status: "completed" });
      expect(tasks).toHaveLength(300);
      expect(tasks.flatMap((task) => checkTask(task))).toEqual([]);
      const [first] = tasks as [Task];
      expect(await node.desk.find(first.id)).toEqual(first);
    });
  });

  describe("many tasks", () => {
    it("are each completed exactly once by the agents of two nodes, with rising generations", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const completed = new Map<string, number>();
      const generations = new Map<string, number[]>();
      const failures = new Set<string>();
      for (let index = 0; index < 20; index++) {
        const node = index % 2 === 0 ? one : two;
        const agent = new TestAgent(`agent-${index}`);
        agent.onTask = (task) => {
          generations.set(task.id, [...(generations.get(task.id) ?? []), task.generation]);
          // Every tenth task fails the first time.
          const fails = failures.has(task.id) ? false : Number.parseInt(task.id.slice(-2), 16) % 10 === 0;
          setImmediate(async () => {
            if (fails) {
              failures.add(task.id);
              await node.fail(agent, task);
              return;
            }
            const outcome = await node.complete(agent, task);
            if (outcome.ok) completed.set(task.id, (completed.get(task.id) ?? 0) + 1);
          });
        };
        node.join(agent);
      }
      const submitted = await Promise.all(
        Array.from({ length: 2_000 }, (_, index) => (index % 3 === 0 ? two : one).submit({ priority: "normal" })),
      );
      await until("all completions", () => completed.size === submitted.length);
      expect([...completed.values()].every((times) => times === 1)).toBe(true);
      expect(failures.size).toBeGreaterThan(0);
      for (const taskId of failures) expect(generations.get(taskId)).toEqual([1, 3]);
      const stats = await until("the counts", async () => {
        const seen = await one.desk.stats();
        return seen.by_status["completed"] === 2_000 ? seen : undefined;
      });
      expect(stats).toMatchObject({ by_status: { completed: 2_000 }, dead_letter: 0, queued_index_size: 0 });
      expect((await two.desk.list({ status: "completed" })).length).toBe(2_000);
    });
  });
});
