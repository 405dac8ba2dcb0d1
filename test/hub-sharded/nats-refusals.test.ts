/** What a NATS may say no with, or leave without an answer, while a node works on it: no more than the request at hand comes to harm. */
import { Refused, Unavailable } from "@hubscale/hub-runtime";
import { FaultProxy, RestartableServer } from "hubscale/faults";
import { ProcessCare } from "hubscale/machine";
import { provisionNats, serverSourcesOf } from "hubscale/provisioning";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeskNode, TestAgent, until } from "./desk-node.ts";

const MIB = 1_048_576;
/** A node looks for tickets that were given back after a third of it. */
const LEASE_MS = 12_000;
const KEPT_STREAM = "KV_kept-tasks-0";
const TICKETS_STREAM = "kept-tickets-0";

let care: ProcessCare;
let server: RestartableServer;
let operator: NatsConnection;
let wire: FaultProxy;
let node: DeskNode;
const lines: string[] = [];

/** An operator who may all, and a hub with these permissions and limits. */
async function open(account = "", permissions = ""): Promise<void> {
  const users = `{ user: operator, password: o }, { user: hub, password: h ${permissions} }`;
  const accounts = `{ A { jetstream: ${account || "enabled"}, users: [${users}] } }`;
  const request = {
    care,
    sources: serverSourcesOf(process.env),
    durability: "process",
    extraSettings: [["accounts", accounts]],
  } as const;
  server = await RestartableServer.start(care, (place) => provisionNats({ ...request, ...place }));
  operator = await connect({ servers: server.url, user: "operator", pass: "o" });
  wire = await FaultProxy.listen({ host: "127.0.0.1", port: server.port });
  node = await DeskNode.open({
    backbone: {
      engine: "nats",
      natsUrls: [`nats://hub:h@127.0.0.1:${wire.port}`],
      natsMonitors: [server.monitorUrl],
      replicas: 1,
    },
    namespace: "kept",
    node: "n1",
    shards: 1,
    leaseMs: LEASE_MS,
    durability: "process",
    log: (line) => lines.push(line),
  });
}

beforeEach(() => {
  care = new ProcessCare({ handleSignals: false });
  lines.length = 0;
});

afterEach(async () => {
  await operator.close();
  await node.close();
  await wire.close();
  await care.close();
});

/** A request of JetStream's API. */
async function ask<T>(subject: string, body?: unknown): Promise<T> {
  const answer = await operator.request(subject, body === undefined ? "" : JSON.stringify(body));
  const { error, ...rest } = answer.json<{ error?: { description: string } }>();
  if (error) throw new Error(error.description);
  return rest as T;
}

async function limitMessages(stream: string, limitBytes: number): Promise<void> {
  const { config } = await ask<{ config: object }>(`$JS.API.STREAM.INFO.${stream}`);
  await ask(`$JS.API.STREAM.UPDATE.${stream}`, { ...config, max_msg_size: limitBytes });
}

async function lanes(): Promise<{ name: string; config: object }[]> {
  const { consumers } = await ask<{ consumers: { name: string; config: object }[] }>(`$JS.API.CONSUMER.LIST.${TICKETS_STREAM}`);
  return consumers;
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

const bytes = (count: number) => "x".repeat(count);

describe("a request that NATS does not take is refused with the limit, and nothing else fails:", () => {
  it("more than the server takes in one message", async () => {
    await open();
    const message = {
      type: "message",
      id: "1",
      from: "a",
      to: "b",
      message_type: "chat",
      payload: { text: bytes(MIB) },
      reply_to: null,
      timestamp: 0,
    } as const;
    expect(await failureOf(node.shared.backplane.messages.append(message, ["b"]))).toMatchObject({
      code: "payload_too_large",
      limitBytes: MIB,
    });
    // By a few bytes only, which are those of the headers.
    const filled = (count: number) => node.submit({ metadata: { filled: bytes(count) } });
    const { length } = JSON.stringify(await node.submit({ metadata: { filled: "" } }));
    expect(await failureOf(filled(MIB - length))).toBeInstanceOf(Refused);
    await filled(MIB - length - 1_000);
    // What nobody waits for is dropped, with a line of its own at most once a minute.
    for (let count = 0; count < 3; count++)
      node.shared.backplane.publish({ type: "broadcast", frame: { type: "error", error: bytes(2 * MIB) } });
    // No refused request is left behind for which the node would count as late.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await node.submit();
    expect(lines.filter((line) => line.includes("refused"))).toHaveLength(1);
    expect(lines.join()).not.toContain("lost the connection");
  });

  it("a subject longer than the server reads", async () => {
    await open();
    const removed = failureOf(node.shared.backplane.endpoints.remove(bytes(5_000)));
    const beside = node.submit();
    expect(await removed).toMatchObject({ code: "payload_too_large", limitBytes: 4_096 });
    await beside;
    expect(lines.join()).not.toContain("lost the connection");
  });

  it("more than a stream takes", async () => {
    await open();
    await limitMessages(TICKETS_STREAM, 20_000);
    expect(await failureOf(node.submit({ metadata: { filled: bytes(30_000) } }))).toMatchObject({ limitBytes: 20_000 });
    await node.submit();
  });

  it("a record that is written for nobody, as that of an assignment: the agent gets other tasks", async () => {
    await open();
    await limitMessages(KEPT_STREAM, 20_000);
    const large = await node.submit({ metadata: { filled: bytes(30_000) } });
    const agent = node.join(new TestAgent("ada"));
    await until("the refusal", () => lines.some((line) => line.includes(`${large.id}: the stream takes 20000 bytes`)));
    const small = await node.submit();
    const assigned = await until("the small task", () => agent.task);
    expect(assigned.id).toBe(small.id);
    expect(await node.complete(agent, assigned)).toMatchObject({ ok: true });
  });
});

describe("NATS that cannot do something now makes that unavailable, says why once, and the node goes on:", () => {
  it("an account without storage", async () => {
    await open("{ max_file: 2MB }");
    const failures: unknown[] = [];
    for (let count = 0; count < 40; count++)
      failures.push(await failureOf(node.submit({ metadata: { filled: bytes(100_000) } })));
    expect(failures.filter((failure) => failure === undefined).length).toBeGreaterThan(5);
    const refusals = failures.filter((failure) => failure !== undefined);
    expect(refusals.length).toBeGreaterThan(5);
    expect(refusals.filter((failure) => !(failure instanceof Unavailable))).toEqual([]);
    expect(lines.filter((line) => line.includes("the account has no storage left"))).toHaveLength(1);
  });

  it("a permission that is missing, which NATS does not answer the request with", async () => {
    await open("", ', permissions: { publish: { deny: ["$JS.API.CONSUMER.LIST.>"] } }');
    await node.submit();
    const askedAtMs = performance.now();
    expect(await failureOf(node.desk.stats())).toBeInstanceOf(Unavailable);
    expect(performance.now() - askedAtMs).toBeLessThan(2_000);
    await node.submit();
    expect(lines.join("\n")).toMatch(/Permissions Violation.*CONSUMER\.LIST.*give this user the permission/);
  });

  it("streams that were deleted", async () => {
    await open();
    await node.submit();
    await ask(`$JS.API.STREAM.DELETE.${TICKETS_STREAM}`);
    await ask(`$JS.API.STREAM.DELETE.${KEPT_STREAM}`);
    expect(await failureOf(node.submit())).toBeInstanceOf(Unavailable);
    expect(await failureOf(node.desk.stats())).toBeInstanceOf(Unavailable);
    expect(lines.join("\n")).toContain("the stream was deleted");
  });

  it("a server that is gone, asked what it keeps", async () => {
    await open();
    await server.kill();
    await until("the loss", () => lines.some((line) => line.includes("lost the connection")));
    const refused = await until("a refusal", () => failureOf(node.shared.backplane.describe()));
    expect(refused).toBeInstanceOf(Unavailable);
    await server.restart();
    await until("the return", async () => (await failureOf(node.submit())) === undefined);
  });
});

describe("a pull", () => {
  /** A consumer at its limit neither answers a pull nor ends it. */
  async function withhold(limit: number): Promise<void> {
    for (const { config, name } of await lanes()) {
      const subject = `$JS.API.CONSUMER.DURABLE.CREATE.${TICKETS_STREAM}.${name}`;
      await ask(subject, { stream_name: TICKETS_STREAM, config: { ...config, max_ack_pending: limit } });
    }
  }

  it("that is never answered keeps no submission out, and its task goes to an agent as soon as it can", async () => {
    await open();
    const [ada, bo] = [node.join(new TestAgent("ada")), node.join(new TestAgent("bo"))];
    const first = await node.submit();
    const holder = await until("the first task", () => [ada, bo].find(({ task }) => task));
    await withhold(1);
    const second = await node.submit();
    for (const untilMs = performance.now() + 3_000; performance.now() < untilMs; ) {
      await node.submit({ needed_capabilities: ["other"] });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const freedAtMs = performance.now();
    await node.complete(holder, holder.task ?? first);
    await until("the second task", () => [ada, bo].some(({ task }) => task?.id === second.id));
    // A delivery to nobody would hide it for the lease.
    expect(performance.now() - freedAtMs).toBeLessThan(LEASE_MS);
  });

  it("that is answered after its time gives back what it got", async () => {
    await open();
    const task = await node.submit();
    const joinedAtMs = performance.now();
    wire.slowDown(900);
    const agent = node.join(new TestAgent("ada"));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    wire.heal();
    await until("the task", () => agent.task?.id === task.id);
    // A delivery to nobody would hide it for the lease.
    expect(performance.now() - joinedAtMs).toBeLessThan(LEASE_MS);
  });
});

it("a consumer that was deleted is made again, so that its tasks do not wait for ever", async () => {
  await open();
  const task = await node.submit();
  for (const { name } of await lanes()) await ask(`$JS.API.CONSUMER.DELETE.${TICKETS_STREAM}.${name}`);
  const agent = node.join(new TestAgent("ada"));
  await until("the task", () => agent.task);
  expect(agent.task?.id).toBe(task.id);
});
