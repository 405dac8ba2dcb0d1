import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { LlmEndpoint } from "@hubscale/protocol";
import { type ConformanceCase, type ConformanceContext, NotApplicable } from "./conformance-case.ts";

/** Docs: wire.md, "Endpoints". */
export const endpointCases: readonly ConformanceCase[] = [
  {
    name: "an endpoint that an agent reports is polled and used",
    covers: "ollama_report, endpoint health, routing to an endpoint",
    async run(target, context) {
      if (!LOOPBACK.has(new URL(target.http).hostname)) throw new NotApplicable("the hub cannot reach this case's endpoint");
      const ollama = createServer((request, response) => {
        const isKnown = request.url === "/api/tags" || request.url === "/api/ps";
        response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
        response.end(JSON.stringify({ models: isKnown ? [{ name: "conformance:1b" }] : [] }));
      });
      await new Promise<void>((resolve) => ollama.listen(0, "127.0.0.1", resolve));
      try {
        await useEndpoint(context, (ollama.address() as AddressInfo).port);
      } finally {
        ollama.close();
        ollama.closeAllConnections();
      }
    },
  },
];

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

async function useEndpoint(context: ConformanceContext, port: number): Promise<void> {
  const token = await context.submitter();
  const agent = await context.agent("worker", { ollama_url: `http://127.0.0.1:${port}` });
  agent.client.send({ type: "ollama_report", ollama_url: `http://127.0.0.1:${port}` });
  assert.deepEqual(await agent.client.take("ollama_report_ack"), { type: "ollama_report_ack", status: "registered" });
  const id = `127.0.0.1:${port}`;
  await context.eventually(async () => {
    const { endpoints } = (await context.http("GET", "/api/admin/llm-registry", { token })).body as {
      endpoints: LlmEndpoint[];
    };
    const found = endpoints.find((endpoint) => endpoint.id === id);
    assert.equal(found?.status, "healthy", "the endpoint is not healthy");
    assert.deepEqual(found?.models, ["conformance:1b"]);
  });
  // The node that routes the task may be another than the one that was asked: each polls for itself.
  await context.eventually(async () => {
    const taskId = await context.submit({ assign_to: agent.agentId, complexity_tier: "standard" });
    const { generation, routing_decision } = await agent.client.takeAssign(taskId);
    agent.client.send({ type: "task_complete", task_id: taskId, generation, result: {} });
    await agent.client.take("task_ack");
    assert.equal(routing_decision.selected_endpoint, id);
    assert.equal(routing_decision.fallback_used, false);
  });
  assert.equal((await context.http("DELETE", `/api/admin/llm-registry/${id}`, { token })).status, 200);
}
