/** What one node has stored in a NATS cluster is read by every node, each through another server, from that moment on. */
import type { LlmEndpoint, MessageFrame } from "@hubscale/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeskNode } from "./desk-node.ts";
import { natsForTests } from "./start-nats.ts";

/** About one read in thirty was short when only the first answer was believed. */
const ROUNDS = 80;

describe.each([1, 3])("a cluster of three, %s of them for each stream", (replicas) => {
  const engine = natsForTests("process", 3, replicas);
  const nodes: DeskNode[] = [];

  beforeAll(async () => {
    const { backbone } = engine;
    if (backbone.engine !== "nats") throw new Error("not NATS");
    for (const [index, url] of backbone.natsUrls.entries()) {
      nodes.push(
        await DeskNode.open({
          backbone: { ...backbone, natsUrls: [url] },
          namespace: "reads",
          node: `n${index}`,
          durability: "process",
        }),
      );
    }
  });

  afterAll(async () => {
    for (const node of nodes) await node.close();
  });

  const inTurn = (round: number) => (nodes[round % nodes.length] as DeskNode).shared.backplane;

  it("all endpoints", async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      await inTurn(round).endpoints.save(endpointAt(round));
      const seen = await Promise.all(nodes.map(({ shared }) => shared.backplane.endpoints.list()));
      expect(seen.map((list) => list.length)).toEqual([round, round, round]);
    }
  });

  it("all that waits for an agent", async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const agents = nodes.map((_, index) => `agent-${round}-${index}`);
      await inTurn(round).messages.append(messageFrom(round), agents);
      const taken = await Promise.all(agents.map((agent, index) => inTurn(index).messages.takeMailbox(agent)));
      expect(taken.map((frames) => frames.map(({ id }) => id))).toEqual(agents.map(() => [String(round)]));
    }
  });
});

function endpointAt(port: number): LlmEndpoint {
  return {
    id: `127.0.0.1:${port}`,
    host: "127.0.0.1",
    port,
    name: `endpoint ${port}`,
    source: "admin",
    status: "unknown",
    models: [],
    loaded_models: [],
    registered_at: 0,
    last_checked_at: null,
  };
}

function messageFrom(round: number): MessageFrame & { to: string | null } {
  return {
    type: "message",
    id: String(round),
    from: "tester",
    to: null,
    message_type: "chat",
    payload: {},
    reply_to: null,
    timestamp: 0,
  };
}
