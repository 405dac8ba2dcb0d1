import assert from "node:assert/strict";
import type { AgentEntry } from "@hubscale/protocol";
import type { ConformanceCase } from "./conformance-case.ts";

/** Docs: wire.md, "WebSocket": who is there, and what the hub makes of bad frames. */
export const sessionCases: readonly ConformanceCase[] = [
  {
    name: "nothing is heard before identify",
    covers: "identify: not_identified",
    async run(_target, context) {
      const client = await context.connect();
      client.send({ type: "ping" });
      assert.deepEqual(await client.take("error"), { type: "error", error: "not_identified" });
    },
  },
  {
    name: "identify wants a token, and the agent's own",
    covers: "identify: invalid_token, token_agent_mismatch",
    async run(_target, context) {
      const owner = context.unique("owner");
      const token = await context.register(owner);
      const client = await context.connect();
      client.send({ type: "identify", agent_id: owner, token: "f".repeat(64) });
      assert.equal((await client.take("error"))["error"], "invalid_token");
      client.send({ type: "identify", agent_id: context.unique("other"), token });
      assert.equal((await client.take("error"))["error"], "token_agent_mismatch");
      client.send({ type: "identify", agent_id: owner, token });
      assert.deepEqual(await client.take("identified"), { type: "identified", agent_id: owner });
    },
  },
  {
    name: "unknown extra fields are ignored",
    covers: "transport: extra fields",
    async run(_target, context) {
      const { client } = await context.agent("extra", { client_type: "sidecar", protocol_version: 1, colour: "red" });
      client.send({ type: "ping", protocol_version: 1, more: { a: [1] } });
      const pong = await client.take("pong");
      assert.deepEqual(Object.keys(pong).sort(), ["timestamp", "type"]);
      assert.equal(typeof pong["timestamp"], "number");
    },
  },
  {
    name: "joins and leaves are told to the others, not to the one who joins",
    covers: "agent_joined, agent_left",
    async run(_target, context) {
      const first = await context.agent("first");
      const second = await context.agent("second", { name: "Second", capabilities: ["code"], status: "fresh" });
      const joined = await first.client.take((frame) => isAbout(frame, "agent_joined", second.agentId));
      const { connected_at, ...entry } = joined["agent"] as AgentEntry;
      assert.equal(typeof connected_at, "number");
      assert.deepEqual(entry, { agent_id: second.agentId, capabilities: ["code"], name: "Second", status: "fresh" });
      await second.client.unread().then((rest) => {
        assert.ok(!rest.some((frame) => isAbout(frame, "agent_joined", second.agentId)), "the joiner was told of itself");
      });
      await second.client.close();
      const left = await first.client.take((frame) => frame.type === "agent_left" && frame["agent_id"] === second.agentId);
      assert.deepEqual(left, { type: "agent_left", agent_id: second.agentId });
    },
  },
  {
    name: "a status goes to every agent, the sender too",
    covers: "status",
    async run(_target, context) {
      const sender = await context.agent("sender");
      const reader = await context.agent("reader");
      sender.client.send({ type: "status", status: "working on x" });
      const own = await sender.client.take((frame) => frame.type === "status_updated" || frame.type === "status_changed");
      assert.deepEqual(own, { type: "status_updated" }, "status_changed came before status_updated");
      for (const { client } of [sender, reader]) {
        const changed = await client.take((frame) => isAbout(frame, "status_changed", sender.agentId));
        assert.equal((changed["agent"] as AgentEntry).status, "working on x");
      }
    },
  },
  {
    name: "agents are listed, on both sides of the hub",
    covers: "list_agents, GET /api/agents",
    async run(_target, context) {
      const one = await context.agent("one", { capabilities: ["code", "test"] });
      const two = await context.agent("two");
      await one.client.take((frame) => isAbout(frame, "agent_joined", two.agentId));
      one.client.send({ type: "list_agents" });
      const { agents } = (await one.client.take("agents")) as unknown as { agents: AgentEntry[] };
      const listed = agents.find((agent) => agent.agent_id === one.agentId);
      assert.deepEqual(Object.keys(listed ?? {}).sort(), ["agent_id", "capabilities", "connected_at", "name", "status"]);
      assert.ok(agents.some((agent) => agent.agent_id === two.agentId));
      // The node that answers may be another than the agent's: it hears of the agent over the bus, in no set order with the agents' own frames.
      await context.eventually(async () => {
        const answer = await context.http("GET", "/api/agents");
        const shown = (answer.body as { agents: (AgentEntry & { fsm_state: string })[] }).agents.find(
          (agent) => agent.agent_id === one.agentId,
        );
        assert.deepEqual(shown?.capabilities, ["code", "test"]);
        assert.ok(shown?.fsm_state === "idle" || shown?.fsm_state === "unknown", `fsm_state ${shown?.fsm_state}`);
      });
    },
  },
  {
    name: "a second connection of an agent takes over",
    covers: "identify: takeover",
    async run(_target, context) {
      const before = await context.agent("twin");
      const after = await context.identify(before.agentId, before.token);
      await Promise.race([
        before.client.closed,
        new Promise((_resolve, reject) =>
          setTimeout(() => reject(new Error("the old connection stays open")), context.timeoutMs),
        ),
      ]);
      const taskId = await context.submit({ assign_to: before.agentId });
      assert.equal((await after.client.takeAssign(taskId)).task_id, taskId);
    },
  },
  {
    name: "bad JSON and bad frames are named",
    covers: "invalid_json, validation_failed",
    async run(_target, context) {
      const { client } = await context.agent("sloppy");
      assert.deepEqual(await client.answersTo("not json"), [{ type: "error", error: "invalid_json" }]);
      client.send({ type: "nope" });
      const unknown = await client.take("error");
      assert.equal(unknown["error"], "validation_failed");
      assert.equal(unknown["message_type"], "nope");
      const [entry] = unknown["errors"] as { field: string; error: string; detail: string; known_types: string[] }[];
      assert.equal(entry?.field, "type");
      assert.equal(entry?.error, "unknown_message_type");
      assert.equal(entry?.detail, "unknown message type 'nope'");
      for (const type of ["identify", "ping", "task_complete"])
        assert.ok(entry?.known_types.includes(type), `${type} is not known`);
      const [bad] = await client.answersTo({ type: "task_complete", task_id: "task-1" });
      assert.equal(bad?.["error"], "validation_failed");
      assert.equal(bad?.["message_type"], "task_complete");
      const fields = bad?.["errors"] as { field: string; error: string }[];
      assert.ok(
        fields.some(({ field, error }) => field === "generation" && error === "required"),
        JSON.stringify(fields),
      );
    },
  },
  {
    name: "ten violations close the connection, and keep the agent out for a while",
    covers: "violations: 1008 and back-off",
    async run(_target, context) {
      const { agentId, token, client } = await context.agent("rowdy");
      for (let n = 0; n < 10; n++) client.sendText("no");
      const { code } = await client.closed;
      assert.equal(code, 1008);
      const again = await context.connect();
      again.send({ type: "identify", agent_id: agentId, token });
      // How a hub words the refusal is its own affair; it may also close.
      const answer = await Promise.race([again.take(() => true), again.closed]);
      assert.notEqual((answer as { type?: string }).type, "identified");
    },
  },
  {
    name: "a frame above the limit closes the connection, not the hub",
    covers: "limits: payload",
    async run(_target, context) {
      const loud = await context.agent("loud");
      const calm = await context.agent("calm");
      loud.client.sendText(`{"type":"status","status":"${"x".repeat(1_100_000)}"}`);
      await loud.client.closed;
      calm.client.send({ type: "ping" });
      await calm.client.take("pong");
    },
  },
];

function isAbout(frame: { type: string; [field: string]: unknown }, type: string, agentId: string): boolean {
  return frame.type === type && (frame["agent"] as AgentEntry).agent_id === agentId;
}
