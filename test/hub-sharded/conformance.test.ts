/** The shared conformance suite against the sharded hub, over its real wire: one node, and HTTP on another than WebSocket. */
import { conformanceCases, runConformanceCase } from "@hubscale/hub-runtime/testing";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NodeProcess } from "./node-process.ts";
import { natsForTests } from "./start-nats.ts";
import { redisServersForTests } from "./start-redis.ts";

describe.each([
  ["sharded-redis, one node", 1, () => redisServersForTests(1, "separate")],
  ["sharded-redis, two nodes", 2, () => redisServersForTests(1, "separate")],
  ["sharded-redis, four nodes over two servers", 4, () => redisServersForTests(2, "separate")],
  ["sharded-redis, two nodes over a Redis Cluster of three", 2, () => redisServersForTests(3, "cluster")],
  ["sharded-nats, one node", 1, () => natsForTests()],
  ["sharded-nats, two nodes", 2, () => natsForTests()],
  ["sharded-nats, four nodes over a cluster of three", 4, () => natsForTests("fsync", 3)],
] as const)("%s", (_, count, serversForTests) => {
  const engine = serversForTests();
  const nodes: NodeProcess[] = [];

  beforeAll(async () => {
    const namespace = `test-${systemRandomHex(4)}`;
    for (let index = 0; index < count; index++) {
      nodes.push(await NodeProcess.start(engine.care, ["--node", `n${index}`, "--namespace", namespace, ...engine.flags]));
    }
  });

  afterAll(async () => {
    await Promise.all(nodes.map(({ process }) => process.stop()));
  });

  it.each(conformanceCases.map((each) => [each.name, each] as const))("%s", async (_name, each) => {
    const [first, last] = [nodes[0] as NodeProcess, nodes.at(-1) as NodeProcess];
    const { status, detail } = await runConformanceCase(each, { ws: first.ws, http: last.http });
    expect(status === "failed" ? detail : "").toBe("");
  });
});
