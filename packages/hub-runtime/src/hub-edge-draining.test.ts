/** What a hub that is told to stop does until it is gone. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { HubEdge } from "./hub-edge.ts";
import { ConformanceContext } from "./testing/conformance/conformance-case.ts";
import { type MemoryHubOptions, startMemoryHub } from "./testing/memory-hub.ts";

let hub: HubEdge;
let context: ConformanceContext;

async function start(options: MemoryHubOptions): Promise<void> {
  hub = await startMemoryHub(options);
  context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
}

afterEach(async () => {
  await context.close();
  await hub.close();
});

test("draining: sockets are closed with 1001, new work is refused, a second close waits", async () => {
  await start({ drainMs: 200 });
  const agent = await context.agent("worker");
  const closing = hub.close();
  const refused = await context.http("GET", "/api/agents");
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect((await context.http("GET", "/health")).body).toMatchObject({ status: "draining" });
  expect((await agent.client.closed).code).toBe(1001);
  await Promise.all([closing, hub.close()]);
  await expect(context.http("GET", "/health")).rejects.toThrow("fetch failed");
});

test("draining for a while: answers meanwhile, assigns nothing, and sends agents without a task away first", async () => {
  await start({ drainMs: 300 });
  const busy = await context.agent("busy");
  const taskId = await context.submit({ assign_to: busy.agentId });
  const { generation } = await busy.client.takeAssign(taskId);
  const idle = await context.agent("idle");
  const closedInOrder: string[] = [];
  for (const agent of [busy, idle]) void agent.client.closed.then(() => closedInOrder.push(agent.agentId));
  const closing = hub.close();
  expect((await context.http("GET", "/health")).status).toBe(503);
  const refused = await context.http("POST", "/api/tasks", { token: busy.token, body: { description: "late" } });
  expect(refused.status).toBe(503);
  expect(refused.headers.get("connection")).toBe("close");
  // What is under way is finished and acknowledged.
  busy.client.send({ type: "task_complete", task_id: taskId, generation, result: {} });
  expect(await busy.client.take("task_ack")).toMatchObject({ task_id: taskId, status: "complete" });
  await closing;
  expect(closedInOrder).toEqual([idle.agentId, busy.agentId]);
});

test("at the end: a request that crosses the end of its kept connection is told to try again, not cut off", async () => {
  await start({});
  const { hostname, port } = new URL(hub.httpUrl);
  const socket = connect(Number(port), hostname);
  let heard = "";
  socket.setEncoding("utf8").on("data", (text) => {
    heard += text;
  });
  const request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  socket.write(request);
  await expect.poll(() => heard).toMatch(/"status":"ok"/);
  heard = "";
  const closing = hub.close();
  // The hub has spoken in advance and the client, as if it had not read that yet, asks again.
  socket.once("data", () => socket.write(request));
  await Promise.all([once(socket, "end"), closing]);
  expect(heard).toMatch(/^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\nConnection: close\r\n/);
  expect(heard).not.toMatch(/draining/);
});
