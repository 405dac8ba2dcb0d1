import assert from "node:assert/strict";
import { type ConformanceCase, type ConformanceContext, NotApplicable } from "./conformance-case.ts";

/** Docs: wire.md, "Rate limits". For hubs that have them on. */
export const rateLimitCases: readonly ConformanceCase[] = [
  {
    name: "submissions beyond the heavy tier are refused for a while",
    covers: "429",
    async run(_target, context) {
      const { heavy } = await limitsOf(context);
      const token = await context.submitter();
      const body = { description: "x", assign_to: context.unique("nobody") };
      for (let n = 0; n <= heavy; n++) {
        const answer = await context.httpOnce("POST", "/api/tasks", { token, body });
        if (answer.status === 201) continue;
        assert.equal(answer.status, 429);
        const { error, retry_after_ms, tier } = answer.body as { error: string; retry_after_ms: number; tier: string };
        assert.deepEqual([error, tier], ["rate_limited", "heavy"]);
        assert.ok(retry_after_ms > 0);
        assert.ok(Number(answer.headers.get("retry-after")) >= Math.floor(retry_after_ms / 1_000));
        return;
      }
      assert.fail(`${heavy + 1} submissions at once were all taken`);
    },
  },
  {
    name: "frames beyond their tier are dropped, and the agent is passed over",
    covers: "rate_limited",
    async run(_target, context) {
      const { light } = await limitsOf(context);
      const agent = await context.agent("chatty");
      for (let n = 0; n <= light; n++) agent.client.send({ type: "ping" });
      const limited = await agent.client.take("rate_limited");
      assert.equal(limited["tier"], "light");
      assert.ok(Number(limited["retry_after_ms"]) > 0);
      const taskId = await context.submit({ assign_to: agent.agentId });
      // A frame of another tier: its answer comes after an assignment would have come.
      agent.client.send({ type: "message", to: agent.agentId, payload: {} });
      await agent.client.take("message_sent");
      assert.ok(!agent.client.inbox.some((frame) => frame["task_id"] === taskId), "a rate-limited agent was handed a task");
    },
  },
];

/** Capacities of the tiers. */
async function limitsOf(context: ConformanceContext): Promise<{ light: number; heavy: number }> {
  const answer = await context.http("GET", "/api/admin/rate-limits", { token: await context.submitter() });
  const { enabled, defaults } = answer.body as { enabled?: boolean; defaults: Record<string, { capacity: number }> };
  if (enabled === false) throw new NotApplicable("this hub runs without rate limits");
  return { light: defaults["light"]?.capacity ?? 0, heavy: defaults["heavy"]?.capacity ?? 0 };
}
