import { LIMITS } from "@hubscale/protocol";
import { ManualClock } from "@hubscale/hub-runtime/testing";
import { expect, it } from "vitest";
import type { Broadcast } from "./backbone.ts";
import { EventBus } from "./event-bus.ts";
import { NodeChannel, type NodeSignal } from "./node-channel.ts";

/** Hands on at once, and keeps what was sent. */
class Loop implements Broadcast {
  readonly sent: string[] = [];
  #hear: (message: string) => void = () => undefined;

  send(_topic: "bus" | "nodes", message: string): void {
    this.sent.push(message);
    this.#hear(message);
  }

  async listen(_topic: "bus" | "nodes", hear: (message: string) => void): Promise<void> {
    this.#hear = hear;
  }

  async close(): Promise<void> {}
}

const longest = ({ sent }: Loop) => Math.max(...sent.map((message) => Buffer.byteLength(message)));

it("a hundred thousand tasks that come back at once are told in messages that an engine takes", async () => {
  const clock = new ManualClock();
  const broadcast = new Loop();
  const heard: NodeSignal[] = [];
  await new NodeChannel({ broadcast, node: "b", clock }).listen((signal) => heard.push(signal));
  const ranks = Array.from({ length: 100_000 }, (_, index) => 2 ** 43 + index);
  const sender = new NodeChannel({ broadcast, node: "a", clock });
  sender.send({ type: "waiting", classNumber: 1, shard: 2, ranks });
  sender.send({ type: "awaited", taskId: "task-1", by: "task-2" });
  clock.advance(10);
  expect(longest(broadcast)).toBeLessThan(LIMITS.documentBytesMin + 1_000);
  expect(heard.flatMap((signal) => (signal.type === "waiting" ? signal.ranks : []))).toEqual(ranks);
  expect(heard.at(-1)).toEqual({ type: "awaited", taskId: "task-1", by: "task-2" });
});

it("nine thousand agents that leave at once are told in messages that an engine takes", async () => {
  const clock = new ManualClock();
  const broadcast = new Loop();
  const heard: unknown[] = [];
  const bus = new EventBus(broadcast, clock);
  await bus.subscribe((event) => heard.push(event));
  const events = Array.from({ length: 9_000 }, (_, index) => {
    return { type: "agent_left", node: "n1", agentId: `agent-${index}-${"x".repeat(100)}`, connectedAt: index } as const;
  });
  for (const event of events) bus.publish(event);
  clock.advance(1);
  expect(longest(broadcast)).toBeLessThan(LIMITS.documentBytesMin + 1_000);
  expect(heard).toEqual(events);
});
