/** Nodes as processes: what happens to tasks and agents when a node, or its engine, dies, sleeps or stops. */
import { systemRandomHex } from "@hubscale/hub-runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "./desk-node.ts";
import { NodeProcess, WireAgent } from "./node-process.ts";
import { natsForTests } from "./start-nats.ts";
import { redisForTests } from "./start-redis.ts";

const engines = { redis: redisForTests(), nats: natsForTests() };
describe.each(["redis", "nats"] as const)("over %s,", (engine) => {
  const leaseMs = 1_000;
  let namespace: string;
  let nodes: NodeProcess[];
  let agents: WireAgent[];

  beforeEach(() => {
    namespace = `test-${systemRandomHex(4)}`;
    nodes = [];
    agents = [];
  });

  afterEach(async () => {
    for (const agent of agents) agent.close();
    for (const { process } of nodes) process.signal("SIGCONT");
    await Promise.all(nodes.map(({ process }) => process.stop()));
  });

  async function startNode(name: string, flags: readonly string[] = []): Promise<NodeProcess> {
    const shared = [...engines[engine].flags, "--namespace", namespace, "--lease-ms", String(leaseMs)];
    const node = await NodeProcess.start(engines[engine].care, ["--node", name, ...shared, ...flags]);
    nodes.push(node);
    return node;
  }

  async function connect(node: NodeProcess, agentId: string, token: string, capabilities?: string[]): Promise<WireAgent> {
    const agent = await WireAgent.connect(node, agentId, token, capabilities);
    agents.push(agent);
    return agent;
  }

  describe("two nodes", () => {
    it("share tokens, agents and tasks, and say what they run on", async () => {
      const [one, two] = [await startNode("one"), await startNode("two")];
      const token = await one.register("ada");
      expect((await two.call("POST", "/api/onboard/register", { body: { agent_id: "ada" } })).status).toBe(409);
      const ada = await connect(two, "ada", token);
      const { task_id } = await one.submit(token);
      const assigned = await ada.hears("task_assign");
      expect(assigned).toMatchObject({ task_id, generation: 1 });
      ada.complete(assigned);
      expect(await ada.hears("task_ack")).toEqual({ type: "task_ack", task_id, status: "complete" });
      expect(await one.task(token, task_id)).toMatchObject({ status: "completed", assigned_to: "ada" });
      const { body } = await one.call("GET", "/api/describe");
      expect(body).toMatchObject({
        hub: `sharded-${engine}`,
        node: "one",
        durability: { verified: "fsync" },
        details: { shards: 4 },
      });
    });

    it("lose and duplicate nothing when one is killed under load", async () => {
      const [one, two] = [await startNode("one"), await startNode("two")];
      const token = await one.register("submitter");
      const acknowledged = new Map<string, number>();
      const count = 8;
      const work = (agent: WireAgent) => {
        const done = () => agent.heard.filter((frame) => frame.type === "task_ack");
        let seen = 0;
        const note = setInterval(() => {
          for (const frame of done().slice(seen)) {
            seen++;
            if (frame.type === "task_ack" && frame.status === "complete") {
              acknowledged.set(frame.task_id, (acknowledged.get(frame.task_id) ?? 0) + 1);
            }
          }
        }, 20);
        agent.onAssign = (frame) => setTimeout(() => agent.complete(frame), 30);
        return note;
      };
      const timers: NodeJS.Timeout[] = [];
      for (let index = 0; index < count; index++) {
        const agentId = `agent-${index}`;
        const agentToken = await one.register(agentId);
        const agent = await connect(index % 2 === 0 ? one : two, agentId, agentToken);
        timers.push(work(agent));
        // As a sidecar does: when its node is gone it comes back on another.
        void agent.closed.then(async () => {
          if (two.process.alive && agent.heard.length > 0 && index % 2 === 0) {
            timers.push(work(await connect(two, agentId, agentToken)));
          }
        });
      }
      const submitted: string[] = [];
      const submit = async (node: NodeProcess, times: number) => {
        for (let index = 0; index < times; index++) submitted.push((await node.submit(token)).task_id);
      };
      // More than the agents can do, so that each has a task in its hands when the node dies.
      const first = Promise.allSettled([submit(one, 400), submit(one, 400), submit(two, 100), submit(two, 100)]);
      await until("some completions", () => acknowledged.size > 100);
      one.process.signal("SIGKILL");
      await first;
      await submit(two, 50);
      const tasks = () => Promise.all(submitted.map((taskId) => two.task(token, taskId)));
      const all = await until("the end of all that was acknowledged", async () => {
        const { body } = await two.call("GET", "/api/tasks/stats", { token });
        const { assigned, queued } = body["by_status"] as Record<string, number>;
        return (assigned ?? 0) + (queued ?? 0) === 0 ? tasks() : undefined;
      });
      for (const timer of timers) clearInterval(timer);
      expect(all.filter((task) => task?.status !== "completed")).toEqual([]);
      expect([...acknowledged.values()].filter((times) => times > 1)).toEqual([]);
      expect(all.filter((task) => task && task.generation > 1).length).toBeGreaterThan(0);
    }, 180_000);
  });

  describe("an agent whose node was killed", () => {
    it("reports its state on another node, goes on, and is the only one to complete the task", async () => {
      const [one, two] = [await startNode("one"), await startNode("two")];
      const token = await one.register("ada");
      const before = await connect(one, "ada", token);
      const { task_id } = await one.submit(token);
      const { generation } = await before.hears("task_assign");
      one.process.signal("SIGKILL");
      await before.closed;
      const after = await connect(two, "ada", token);
      after.send({ type: "state_report", task_id, status: "working", generation });
      expect(await after.hears("state_report_ack")).toEqual({ type: "state_report_ack", task_id, action: "continue" });
      // Past the lease of the dead node: the new one renews it now.
      await new Promise((resolve) => setTimeout(resolve, 2 * leaseMs));
      after.complete({ task_id, generation });
      expect(await after.hears("task_ack")).toMatchObject({ task_id, status: "complete" });
    });
  });

  describe("a node that slept past its lease", () => {
    it("completes and assigns nothing when it wakes", async () => {
      const [one, two] = [await startNode("one"), await startNode("two")];
      const [adaToken, bobToken] = [await one.register("ada"), await one.register("bob")];
      const ada = await connect(one, "ada", adaToken);
      const { task_id } = await one.submit(adaToken);
      const old = await ada.hears("task_assign");
      one.process.signal("SIGSTOP");
      // Its completion lies in the sleeping node's socket while the task goes to another agent.
      ada.complete(old);
      const bob = await connect(two, "bob", bobToken);
      const fresh = await bob.hears("task_assign");
      expect(fresh).toMatchObject({ task_id, generation: 3 });
      one.process.signal("SIGCONT");
      expect(await ada.hears("error")).toMatchObject({ error: "task_complete_failed: stale_generation" });
      bob.complete(fresh);
      expect(await bob.hears("task_ack")).toMatchObject({ task_id, status: "complete" });
      expect(await two.task(adaToken, task_id)).toMatchObject({ status: "completed", assigned_to: "bob", generation: 3 });
      // It is a node as any other again.
      const next = await one.submit(adaToken, { assign_to: "ada" });
      const heardBefore = ada.heard.length - 1;
      expect(await ada.hears("task_assign", heardBefore)).toMatchObject({ task_id: next.task_id });
    });
  });

  describe("a node that is told to stop", () => {
    it("ends with 0 and leaves its tasks to agents that come back elsewhere", async () => {
      const [one, two] = [await startNode("one"), await startNode("two")];
      const token = await one.register("ada");
      const before = await connect(one, "ada", token);
      const { task_id } = await one.submit(token);
      const { generation } = await before.hears("task_assign");
      expect(await one.process.stop()).toEqual({ code: 0, signal: null });
      const after = await connect(two, "ada", token);
      after.send({ type: "state_report", task_id, status: "working", generation });
      expect(await after.hears("state_report_ack")).toMatchObject({ action: "continue" });
      after.complete({ task_id, generation });
      expect(await after.hears("task_ack")).toMatchObject({ task_id, status: "complete" });
    });
  });

  describe("an engine that does not answer", () => {
    it("makes submissions fail with 503, keeps agents connected, and loses no completion", async () => {
      const node = await startNode("one", ["--lease-ms", "60000"]);
      const token = await node.register("ada");
      const ada = await connect(node, "ada", token);
      await node.submit(token);
      const held = await ada.hears("task_assign");
      // Whether a submission without an answer was stored is not known to its sender; if it was, it is done as any other.
      ada.onAssign = (frame) => ada.complete(frame);
      for (const pid of engines[engine].pids) process.kill(pid, "SIGSTOP");
      try {
        // Work that is done is not lost: the node goes on trying.
        ada.complete(held);
        const refused = await node.call("POST", "/api/tasks", { token, body: { description: "a task" } });
        expect(refused.status).toBe(503);
        expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(ada.isOpen).toBe(true);
      } finally {
        for (const pid of engines[engine].pids) process.kill(pid, "SIGCONT");
      }
      await until(
        "submissions to be taken again",
        async () => (await node.call("GET", "/api/tasks/stats", { token })).status === 200,
      );
      ada.complete(held);
      expect(await ada.hears("task_ack")).toMatchObject({ task_id: held.task_id, status: "complete" });
      const next = await node.submit(token);
      await until("the next task", () =>
        ada.heard.some((frame) => frame.type === "task_assign" && frame.task_id === next.task_id),
      );
    });
  });

  describe("a node", () => {
    it("does not start with another number of shards than its hub has", async () => {
      await startNode("one");
      await expect(startNode("two", ["--shards", "7"])).rejects.toThrow("use --shards 4");
    });
  });
});
