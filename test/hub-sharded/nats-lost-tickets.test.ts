/** Tickets that a NATS server has lost sight of, as some versions do now and then: no task waits for ever for that. */
import { systemRandomHex } from "@hubscale/hub-runtime";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DeskNode, TestAgent, until } from "./desk-node.ts";
import { natsForTests } from "./start-nats.ts";
import { TurnedClock } from "./turned-clock.ts";

const nats = natsForTests();
const LOOK_EVERY_MS = 30_000;

let clock: TurnedClock;
let node: DeskNode;
let operator: NatsConnection;
let namespace: string;
const lines: string[] = [];

beforeEach(async () => {
  clock = new TurnedClock();
  namespace = `test-${systemRandomHex(4)}`;
  lines.length = 0;
  const log = (line: string) => lines.push(line);
  node = await DeskNode.open({ backbone: nats.backbone, namespace, node: "one", clock, shards: 1, log });
  if (nats.backbone.engine !== "nats") throw new Error("no NATS");
  operator = await connect({ servers: [...nats.backbone.natsUrls] });
});

afterEach(async () => {
  await operator.close();
  await node.close();
});

interface Answer {
  consumers?: { name: string; config: object }[];
  error?: { description: string };
}

async function ask(subject: string, body: unknown): Promise<Answer> {
  const answer = (await operator.request(subject, JSON.stringify(body))).json<Answer>();
  if (answer.error) throw new Error(answer.error.description);
  return answer;
}

/** The lanes' consumers count none of the tickets that there are, and deliver none: here since they look for others. */
async function loseSight(): Promise<void> {
  const stream = `${namespace}-tickets-0`;
  for (const { config, name } of (await ask(`$JS.API.CONSUMER.LIST.${stream}`, {})).consumers ?? []) {
    await ask(`$JS.API.CONSUMER.DELETE.${stream}.${name}`, {});
    const blind = { ...config, filter_subject: `${namespace}.t.0.none.>` };
    await ask(`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${name}`, { stream_name: stream, config: blind });
  }
}

const makings = () => lines.filter((line) => line.includes("made anew"));

it("are brought back, in their order, and who holds a task of the lane keeps it", async () => {
  const ada = node.join(new TestAgent("ada"));
  await node.submit();
  const own = await until("the first assignment", () => ada.task);
  const [first, second] = [await node.submit(), await node.submit()];
  await loseSight();
  const bob = node.join(new TestAgent("bob"));
  clock.turn(LOOK_EVERY_MS);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(bob.received).toEqual([]);
  expect(makings()).toEqual([]);
  clock.turn(LOOK_EVERY_MS);
  for (const lost of [first, second]) {
    const task = await until("a lost task", () => bob.task);
    expect(task.id).toBe(lost.id);
    expect(await node.complete(bob, task)).toMatchObject({ ok: true });
  }
  expect(makings()).toHaveLength(1);
  expect(await node.complete(ada, own)).toMatchObject({ ok: true });
});

it("do not make a lane anew in which all is in order", async () => {
  const ada = node.join(new TestAgent("ada"));
  for (let round = 0; round < 3; round++) {
    const tasks = [await node.submit(), await node.submit(), await node.submit({ priority: "low" })];
    for (const _ of tasks) {
      const task = await until("a task", () => ada.task);
      clock.turn(LOOK_EVERY_MS);
      expect(await node.complete(ada, task)).toMatchObject({ ok: true });
    }
    clock.turn(LOOK_EVERY_MS);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(makings()).toEqual([]);
});
