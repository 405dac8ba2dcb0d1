/** The slow clocks of the desk, turned by hand, over each real engine. */
import { systemRandomHex } from "@hubscale/hub-runtime";
import { TIMERS } from "@hubscale/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeskNode, TestAgent, until } from "./desk-node.ts";
import { natsForTests } from "./start-nats.ts";
import { redisForTests } from "./start-redis.ts";
import { TurnedClock } from "./turned-clock.ts";

const engines = { redis: redisForTests(), nats: natsForTests() };

describe.each(["redis", "nats"] as const)("over %s,", (engine) => {
  let clock: TurnedClock;
  let node: DeskNode;

  beforeEach(async () => {
    clock = new TurnedClock();
    const namespace = `test-${systemRandomHex(4)}`;
    // One shard: each has a share of the retention, and with several it would be up to the ids which share is spent first.
    const retention = { shards: 1, keepCompleted: 8 };
    node = await DeskNode.open({ backbone: engines[engine].backbone, namespace, node: "one", clock, ...retention });
  });

  afterEach(() => node.close());

  describe("the sweeps", () => {
    it("dead-letter tasks that were queued too long, except trivial ones and young ones", async () => {
      const old = await node.submit({ complexity_tier: "standard", priority: "low" });
      const trivial = await node.submit({ complexity_tier: "trivial" });
      clock.skip(TIMERS.queuedTtlMs - 60_000);
      const young = await node.submit({ complexity_tier: "standard" });
      clock.turn(120_000);
      await until("the dead letter", async () => (await node.desk.find(old.id))?.status === "dead_letter");
      expect(await node.desk.find(old.id)).toMatchObject({ last_error: "ttl_expired", generation: 0 });
      expect(await node.desk.find(trivial.id)).toMatchObject({ status: "queued" });
      expect(await node.desk.find(young.id)).toMatchObject({ status: "queued" });
      expect(await node.desk.command(old.id, "retry")).toMatchObject({ after: { status: "queued", generation: 1 } });
      clock.turn(61_000);
      const agent = node.join(new TestAgent("ada", []));
      agent.onTask = (task) => setImmediate(() => void node.complete(agent, task));
      await until("all three", () => agent.received.length === 3);
      expect(agent.received.find(({ id }) => id === old.id)?.generation).toBe(2);
    });

    it("dead-letter what waited too long for others, which waits for them again when it is retried", async () => {
      const ada = node.join(new TestAgent("ada"));
      const first = await node.submit({ assign_to: "ada" });
      const dependent = await node.submit({ depends_on: [first.id], complexity_tier: "standard" });
      const task = await until("the first assignment", () => ada.task);
      clock.skip(TIMERS.queuedTtlMs);
      await until("the dead letter", async () => (await node.desk.find(dependent.id))?.status === "dead_letter");
      expect(await node.desk.find(dependent.id)).toMatchObject({ last_error: "ttl_expired" });
      expect((await node.desk.command(dependent.id, "retry"))?.after).toMatchObject({ status: "queued" });
      node.join(new TestAgent("bob"));
      expect(await node.desk.stats()).toMatchObject({ by_status: { assigned: 1, queued: 1 }, dead_letter: 0 });
      await node.complete(ada, task);
      await until("the assignment of what waited", async () => (await node.desk.find(dependent.id))?.status === "assigned");
      expect(await node.desk.find(dependent.id)).toMatchObject({ generation: 2 });
    });

    it("drop the oldest completed tasks of all routing classes together", async () => {
      const agent = node.join(new TestAgent("ada", ["a", "b", "c"]));
      const completed: string[] = [];
      for (const capability of ["a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c"]) {
        const { id } = await node.submit({ needed_capabilities: [capability] });
        await node.complete(agent, await until("the task", () => (agent.taskId === id ? agent.task : undefined)));
        completed.push(id);
      }
      clock.turn(60_000);
      const kept = await until("the oldest dropped", async () => {
        const tasks = await node.desk.list({ status: "completed" });
        return tasks.length <= 8 ? tasks : undefined;
      });
      expect(kept.map(({ id }) => id).sort()).toEqual(completed.slice(4).sort());
    });

    it("take overdue and stuck tasks from their agents", async () => {
      const [ada, bob] = [node.join(new TestAgent("ada")), node.join(new TestAgent("bob"))];
      const overdue = await node.submit({ complete_by: clock.nowMs() + 60_000, assign_to: "ada" });
      const stuck = await node.submit({ assign_to: "bob" });
      await until("both assignments", () => ada.task && bob.task);
      clock.turn(61_000);
      await until("the overdue task's return", () => ada.cancelled.length === 1);
      expect(ada.cancelled).toEqual([overdue.id]);
      // It is late already: it is not taken from its next agent for the same reason.
      await until("its second assignment", () => ada.received.length === 2);
      expect(ada.received[1]).toMatchObject({ id: overdue.id, generation: 3 });
      expect(bob.cancelled).toEqual([]);
      clock.turn(TIMERS.stuckWorkingMs + 1_000);
      await until("the stuck task's return", () => bob.cancelled.length === 1);
      expect(bob.cancelled).toEqual([stuck.id]);
      // Late or not, nobody has spoken of it for so long.
      await until("the return of the overdue task, which is stuck too", () => ada.cancelled.length === 2);
      expect(ada.cancelled).toEqual([overdue.id, overdue.id]);
    });
  });
});
