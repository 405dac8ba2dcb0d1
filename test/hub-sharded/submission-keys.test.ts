/** A node that dies between the steps of a keyed submission: the next try stores the same task, or finds it. */
import { draftOf } from "@hubscale/hub-core";
import { type SubmissionKey, systemRandomHex } from "@hubscale/hub-runtime";
import type { SubmitTaskBody } from "@hubscale/protocol";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeskNode, TestAgent, until } from "./desk-node.ts";
import { redisForTests } from "./start-redis.ts";

const redis = redisForTests();
const KEY: SubmissionKey = { hash: "a".repeat(64), fingerprint: "f".repeat(64) };

describe("over redis,", () => {
  let namespace: string;
  let nodes: [DeskNode, DeskNode];
  let engine: Redis;

  beforeEach(async () => {
    namespace = `test-${systemRandomHex(4)}`;
    const open = (node: string) => DeskNode.open({ backbone: redis.backbone, namespace, node });
    nodes = [await open("one"), await open("two")];
    engine = new Redis(redis.url);
  });

  afterEach(async () => {
    engine.disconnect();
    await Promise.all(nodes.map((node) => node.close()));
  });

  const submit = async (node: DeskNode, body: Partial<SubmitTaskBody> = {}, key = KEY) => {
    const outcome = await node.desk.submit(draftOf({ description: "x", ...body }, "tester"), key);
    return outcome.ok ? outcome.task.id : outcome.code;
  };

  /** As it was before the task was known to be stored. */
  async function unconfirm(): Promise<void> {
    const entry = `{${namespace}:${KEY.hash}}:submission`;
    const text = (await engine.get(entry)) as string;
    expect(JSON.parse(text)).toMatchObject({ isStored: true });
    await engine.set(entry, JSON.stringify({ ...JSON.parse(text), isStored: false }), "KEEPTTL");
  }

  it("is answered alike by every node", async () => {
    const [one, two] = nodes;
    const first = await submit(one);
    expect(await Promise.all([submit(two), submit(one), submit(two)])).toEqual([first, first, first]);
    expect(await submit(two, {}, { ...KEY, fingerprint: "0".repeat(64) })).toBe("key_reused");
    expect((await two.desk.list({})).map(({ id }) => id)).toEqual([first]);
  });

  it("finds the task that was stored before its node died, also when it is done", async () => {
    const [one, two] = nodes;
    const first = await submit(one);
    await unconfirm();
    expect(await submit(two)).toBe(first);
    await unconfirm();
    const agent = two.join(new TestAgent("ada"));
    await two.complete(agent, await until("the assignment", () => agent.task));
    expect(await submit(one)).toBe(first);
    expect((await two.desk.list({})).map(({ id, status }) => [id, status])).toEqual([[first, "completed"]]);
  });

  it("stores the task, under the id that was given out, when its node died before", async () => {
    const [one, two] = nodes;
    const first = await submit(one);
    await unconfirm();
    // Leaves nothing of it.
    await one.desk.command(first, "cancel");
    expect(await submit(two)).toBe(first);
    expect((await one.desk.list({})).map(({ id, status }) => [id, status])).toEqual([[first, "queued"]]);
  });

  it("is forgotten after a day", async () => {
    await submit(nodes[0]);
    const leftMs = await engine.pttl(`{${namespace}:${KEY.hash}}:submission`);
    expect(leftMs).toBeGreaterThan(86_000_000);
    expect(leftMs).toBeLessThanOrEqual(86_400_000);
  });
});
