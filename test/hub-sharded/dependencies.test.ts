/** Tasks that wait for others, over each real engine. */
import { systemRandomHex } from "@hubscale/hub-runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeskNode, TestAgent, until } from "./desk-node.ts";
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

  async function nodeOf(name: string): Promise<DeskNode> {
    const node = await DeskNode.open({ backbone: engines[engine].backbone, namespace, node: name });
    open.push(node);
    return node;
  }

  const forget = (node: DeskNode) => open.splice(open.indexOf(node), 1);

  describe("dependencies", () => {
    it("hold a task back until the last of them is completed", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const [first, second] = [await one.submit(), await one.submit()];
      const dependent = await two.submit({ depends_on: [first.id, second.id], priority: "urgent" });
      expect(await one.desk.stats()).toMatchObject({ by_status: { queued: 3 }, queued_index_size: 2 });
      const agent = one.join(new TestAgent("ada"));
      for (let done = 0; done < 2; done++) {
        const task = await until("a task", () => agent.task);
        expect(task.id).not.toBe(dependent.id);
        await one.complete(agent, task);
      }
      const last = await until("the dependent task", () => (agent.taskId === dependent.id ? agent.task : undefined));
      expect(await one.complete(agent, last)).toEqual({ ok: true, done: "complete" });
      const after = await one.submit({ depends_on: [first.id] });
      await until("a task whose dependency was completed before", () => agent.taskId === after.id);
    });

    it("that are cancelled make dead letters of what waits for them, also when the node ends that cancelled them", async () => {
      const [one, two] = [await nodeOf("one"), await nodeOf("two")];
      const first = await one.submit();
      const dependent = await one.submit({ depends_on: [first.id] });
      const last = await one.submit({ depends_on: [dependent.id] });
      await one.desk.command(first.id, "cancel");
      one.kill();
      forget(one);
      for (const { id } of [dependent, last]) {
        const dead = await until("the dead letter", async () => {
          const found = await two.desk.find(id);
          return found?.status === "dead_letter" ? found : undefined;
        });
        expect(dead.last_error).toBe(`dependency_cancelled: ${first.id}`);
        expect(await two.desk.command(id, "retry")).toBeUndefined();
      }
      expect(await two.desk.stats()).toEqual({ by_status: {}, by_priority: {}, dead_letter: 2, queued_index_size: 0 });
    });

    it("on unknown tasks are refused", async () => {
      const node = await nodeOf("one");
      await expect(node.submit({ depends_on: ["task-0000ffffffffffff"] })).rejects.toThrow("unknown_dependency");
    });
  });
});
