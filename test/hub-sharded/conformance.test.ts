/** The shared conformance suite against the sharded hub, over its real wire: one node, and HTTP on another than WebSocket. */
import { conformanceCases, runConformanceCase } from "@hubscale/hub-runtime/testing";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NodeProcess } from "./node-process.ts";
import { redisServersForTests } from "./start-redis.ts";

describe.each([
  ["one node", 1, 1, "separate"],
  ["two nodes", 2, 1, "separate"],
  ["four nodes over two Redis servers", 4, 2, "separate"],
  ["two nodes over a Redis Cluster of three", 2, 3, "cluster"],
] as const)("sharded-redis, %s", (_, count, servers, kind) => {
  const redis = redisServersForTests(servers, kind);
  const nodes: NodeProcess[] = [];

  beforeAll(async () => {
    const namespace = `test-${systemRandomHex(4)}`;
    for (let index = 0; index < count; index++) {
      nodes.push(await NodeProcess.start(redis.care, ["--node", `n${index}`, "--namespace", namespace, ...redis.flags]));
    }
  });

  afterAll(async () => {
    await Promise.all(nodes.map(({ process }) => process.stop()));
  });

  it.each(conformanceCases.map((each) => [each.name, each] as const))("%s", async (_name, each) => {
    const [first, last] = [nodes[0] as NodeProcess, nodes.at(-1) as NodeProcess];
    const { status, detail } = await runConformanceCase(each, { ws: first.ws, http: last.http });
    expect({ status, detail }).not.toMatchObject({ status: "failed" });
  });
});
