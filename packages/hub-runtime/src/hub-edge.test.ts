import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { RATE_TIERS } from "@hubscale/hub-core";
import { WebSocket } from "ws";
import { type HubEdge, startHubEdge } from "./hub-edge.ts";
import { type RosterEvent, type TaskDesk, Unavailable } from "./ports.ts";
import { REFERENCE_RATE_LIMITS } from "./rate-limiter.ts";
import { systemClock, systemRandomHex } from "./system-clock.ts";
import {
  ConformanceContext,
  ManualClock,
  MemoryDesk,
  type MemoryHubOptions,
  MemoryStores,
  memoryBackplane,
  SidecarClient,
  startMemoryHub,
} from "./testing/index.ts";

const hubs: HubEdge[] = [];
const contexts: ConformanceContext[] = [];

async function start(options: MemoryHubOptions = {}): Promise<{ hub: HubEdge; context: ConformanceContext }> {
  const hub = await startMemoryHub(options);
  hubs.push(hub);
  const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
  contexts.push(context);
  return { hub, context };
}

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  for (const hub of hubs.splice(0)) await hub.close();
});

describe("sockets", () => {
  test("one without a frame for 60 s is closed", async () => {
    const clock = new ManualClock();
    const { context } = await start({ clock });
    const { client } = await context.agent("quiet");
    for (let round = 0; round < 2; round++) {
      clock.advance(55_000);
      await client.unread();
    }
    clock.advance(65_000);
    expect(await client.closed).toEqual({ code: 1000, reason: "no frame for 60 s" });
  });

  test.each([
    [true, "kept"],
    [false, "not identified within 60 s"],
  ])("with warts %s, one that does not say who it is, but sends frames: %s", async (warts, fate) => {
    const clock = new ManualClock();
    const { context } = await start({ clock, behaviour: { warts, presence: "digest" } });
    const client = await context.connect();
    for (let round = 0; round < 2; round++) {
      clock.advance(25_000);
      client.send({ type: "ping" });
      await client.take("error");
    }
    clock.advance(15_000);
    client.send({ type: "ping" });
    const kept = client.take("error").then(() => "kept");
    expect(await kept.catch(async () => (await client.closed).reason)).toBe(fate);
  });

  test.each([
    [true, "evicted"],
    [false, "kept"],
  ])("with warts %s, an agent that works but does not ping is %s", async (warts, fate) => {
    const clock = new ManualClock();
    const { hub, context } = await start({ clock, behaviour: { warts, presence: "digest" } });
    const agent = await context.agent("busy");
    for (let atMs = 0; atMs < 90_000; atMs += 15_000) {
      clock.advance(15_000);
      agent.client.send({ type: "resource_report" });
      // Not a ping, and answered: the frame before it has been handled by then.
      agent.client.send({ type: "list_channels" });
      await agent.client.take("channels").catch((error: unknown) => {
        if (!warts) throw error;
      });
      if (!hub.roster.get(agent.agentId)) break;
    }
    expect(hub.roster.get(agent.agentId) ? "kept" : "evicted").toBe(fate);
  });

  test("a client that does not read is cut off", async () => {
    const { hub, context } = await start({ maxBufferedBytes: 100_000 });
    const slow = await context.agent("slow");
    const fast = await context.agent("fast");
    const stuck = new WebSocket(hub.wsUrl);
    await new Promise((resolve) => stuck.once("open", resolve));
    stuck.send(JSON.stringify({ type: "identify", agent_id: slow.agentId, token: slow.token }));
    await new Promise((resolve) => stuck.once("message", resolve));
    stuck.pause();
    const payload = { text: "x".repeat(500_000) };
    for (let n = 0; n < 40 && hub.roster.get(slow.agentId); n++) {
      fast.client.send({ type: "message", to: slow.agentId, payload });
      await fast.client.take("message_sent");
    }
    expect(hub.roster.get(slow.agentId)).toBeUndefined();
    stuck.terminate();
    const { counters } = (await context.http("GET", "/api/metrics")).body as { counters: { slow_clients_dropped: number } };
    expect(counters.slow_clients_dropped).toBe(1);
  });

  test("connections beyond the limit, and other paths, are refused", async () => {
    const { hub, context } = await start({ maxConnections: 1 });
    await context.connect();
    await expect(SidecarClient.connect(hub.wsUrl, 1_000)).rejects.toThrow("503");
    await expect(SidecarClient.connect(hub.wsUrl.replace("/ws", "/other"), 1_000)).rejects.toThrow("404");
  });

  test("frames of one client are handled in order, also when it sends faster than the store answers", async () => {
    const { context } = await start();
    const agent = await context.agent("fast");
    for (let n = 0; n < 300; n++) agent.client.send({ type: "message", to: agent.agentId, payload: { n } });
    const order: unknown[] = [];
    for (let n = 0; n < 300; n++) order.push(((await agent.client.take("message"))["payload"] as { n: number }).n);
    expect(order).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });
});

describe("violations", () => {
  test("keep an agent out for 30 s, then for 60 s", async () => {
    const clock = new ManualClock();
    const { context } = await start({ clock });
    let agent = await context.agent("rowdy");
    for (const [round, waitMs] of [30_000, 60_000].entries()) {
      for (let n = 0; n < 10; n++) agent.client.sendText("no");
      expect((await agent.client.closed).code, `round ${round}`).toBe(1008);
      const refused = await context.connect();
      refused.send({ type: "identify", agent_id: agent.agentId, token: agent.token });
      expect(await refused.take("error")).toEqual({ type: "error", error: "identify_refused", retry_after_ms: waitMs });
      clock.advance(waitMs);
      agent = await context.identify(agent.agentId, agent.token);
    }
  });

  test("nine within a minute are forgiven", async () => {
    const clock = new ManualClock();
    const { hub, context } = await start({ clock });
    const { agentId, client } = await context.agent("sloppy");
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 9; n++) client.sendText("no");
      await client.unread();
      clock.advance(30_000);
      await client.unread();
      clock.advance(30_000);
    }
    await client.unread();
    expect(hub.roster.get(agentId)).toBeDefined();
  });
});

describe("rate limits", () => {
  /** Too little for the frames of one task. */
  const rateLimits = { ...REFERENCE_RATE_LIMITS, defaults: { ...RATE_TIERS, normal: { capacity: 1, refillPerMin: 1 } } };

  test("mended: what an agent says of the task in its hand is never dropped, anything else is", async () => {
    const { context } = await start({ rateLimits });
    const agent = await context.agent("worker");
    const { task_id, generation } = await context.handTask(agent);
    agent.client.send({ type: "message", to: agent.agentId, payload: {} });
    await agent.client.take("message_sent");
    for (const frame of [
      { type: "task_progress", task_id },
      { type: "task_complete", task_id: "task-of-another", generation },
      // Accepted already.
      { type: "task_accepted", task_id },
    ]) {
      agent.client.send(frame);
      expect(await agent.client.take("rate_limited")).toMatchObject({ tier: "normal" });
    }
    agent.client.send({ type: "task_complete", task_id, generation, result: {} });
    expect((await agent.client.take("task_ack"))["status"]).toBe("complete");
  });

  test("reference: a completion beyond the limit is dropped like any frame", async () => {
    const { context } = await start({ rateLimits, behaviour: { warts: true, presence: "every-event" } });
    const agent = await context.agent("worker");
    const { task_id, generation } = await context.handTask(agent);
    agent.client.send({ type: "task_complete", task_id, generation, result: {} });
    await agent.client.take("rate_limited");
    expect((await context.task(task_id)).status).toBe("assigned");
  });
});

test.each([
  [true, ["agent_joined", "identified"]],
  [false, ["identified", "agent_joined"]],
])("with warts %s, the newcomer and the others hear of it in this order: %j", async (warts, order) => {
  const heard: string[] = [];
  const hub = await startMemoryHub({ behaviour: { warts, presence: "every-event" } });
  hubs.push(hub);
  const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
  contexts.push(context);
  const watcher = await context.agent("watcher");
  const agentId = context.unique("newcomer");
  const token = await context.register(agentId);
  const newcomer = await context.connect();
  // One thread writes to both sockets, and one reads from both.
  const note = (client: SidecarClient, type: string) => client.take(type).then(() => heard.push(type));
  const both = [note(watcher.client, "agent_joined"), note(newcomer, "identified")];
  newcomer.send({ type: "identify", agent_id: agentId, token });
  await Promise.all(both);
  expect(heard).toEqual(order);
});

describe("stores that fail", () => {
  test("an unavailable store is 503 with retry-after; connections stay, and what agents report is kept for it", async () => {
    let isDown = false;
    const stores = new MemoryStores();
    const hub = await startWithDesk(stores, (desk) =>
      failing(desk, () => (isDown ? new Unavailable("gone", 1_200) : undefined)),
    );
    const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
    contexts.push(context);
    const agent = await context.agent("worker");
    const { task_id, generation } = await context.handTask(agent);
    isDown = true;
    const answer = await context.http("POST", "/api/tasks", { token: await context.submitter(), body: { description: "x" } });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("2");
    expect(answer.body).toEqual({ error: "unavailable", retry_after_ms: 1_200 });
    // Four are kept. An agent that asks on is told to ask later.
    agent.client.send({ type: "task_complete", task_id, generation, result: {} });
    for (let i = 0; i < 4; i++) agent.client.send({ type: "state_report", task_id, generation });
    expect(await agent.client.take("error")).toEqual({
      type: "error",
      error: "state_report_failed: unavailable",
      retry_after_ms: 1_200,
    });
    expect((await context.http("GET", "/api/metrics")).body).toMatchObject({ queue_depth: null, counters: { unavailable: 6 } });
    isDown = false;
    expect((await agent.client.take("task_ack"))["status"]).toBe("complete");
    for (let i = 0; i < 3; i++) expect((await agent.client.take("state_report_ack"))["action"]).toBe("abort");
  });

  test("who comes while the store is away is let in when it is back", async () => {
    const stores = new MemoryStores();
    const known = stores.tokens.get.bind(stores.tokens);
    let asked = 0;
    stores.tokens.get = (tokenHash) => {
      if (++asked === 1) throw new Unavailable("gone", 1_000);
      return known(tokenHash);
    };
    const hub = await startWithDesk(stores, (desk) => desk);
    const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
    contexts.push(context);
    await context.agent("early");
    expect(asked).toBe(2);
  });

  test("a broken store is reported once, and answered without a trace", async () => {
    const broken: unknown[] = [];
    const stores = new MemoryStores();
    const hub = await startWithDesk(
      stores,
      (desk) => failing(desk, () => new Error("disk on fire")),
      (error) => broken.push(error),
    );
    const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
    contexts.push(context);
    const answer = await context.http("POST", "/api/tasks", { token: await context.submitter(), body: { description: "x" } });
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({ error: "internal_error" });
    expect(broken).toHaveLength(1);
  });

  test("a taken port is an error, and the stores are closed", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    let isClosed = false;
    const stores = new MemoryStores();
    const { port } = other.address() as AddressInfo;
    const close = (desk: TaskDesk): TaskDesk => ({ ...bound(desk), close: async () => void (isClosed = true) });
    await expect(startWithDesk(stores, close, undefined, port)).rejects.toThrow("EADDRINUSE");
    expect(isClosed).toBe(true);
    other.close();
  });
});

test("the desk hears of an idle agent only after the agent was told that its task is complete", async () => {
  const seen: string[] = [];
  const stores = new MemoryStores();
  const hub = await startWithDesk(stores, (desk) => ({
    ...bound(desk),
    notify(event: RosterEvent) {
      seen.push(event.type);
      desk.notify(event);
    },
  }));
  const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
  contexts.push(context);
  const agent = await context.agent("worker");
  const first = await context.handTask(agent);
  const next = await context.submit({ assign_to: agent.agentId });
  agent.client.send({ type: "task_complete", task_id: first.task_id, generation: first.generation, result: {} });
  await agent.client.takeAssign(next);
  expect(seen.filter((type) => type !== "endpoints_changed")).toEqual(["agent_joined", "agent_idle"]);
  expect(agent.client.inbox.map(({ type }) => type)).toEqual(["task_ack"]);
});

test("a task that is not accepted within 60 s goes to another agent", async () => {
  const clock = new ManualClock();
  const { context } = await start({ clock });
  const capability = context.unique("skill");
  const silent = await context.agent("silent", { capabilities: [capability] });
  const taskId = await context.submit({ needed_capabilities: [capability] });
  clock.advance(0);
  await silent.client.takeAssign(taskId);
  // It lives, but does not accept.
  clock.advance(30_000);
  await silent.client.unread();
  const other = await context.agent("other", { capabilities: [capability] });
  clock.advance(30_000);
  const again = await context.eventually(async () => {
    clock.advance(0);
    return other.client.take("task_assign", 20);
  });
  expect(again).toMatchObject({ task_id: taskId, generation: 3 });
});

describe("two nodes", () => {
  test("messages, presence and takeover cross them", async () => {
    const stores = new MemoryStores();
    const one = await start({ node: "one", stores });
    const two = await start({ node: "two", stores });
    const a = await one.context.agent("a");
    const b = await two.context.agent("b");
    await a.client.take((frame) => frame.type === "agent_joined");
    a.client.send({ type: "message", to: b.agentId, payload: { text: "over there" } });
    expect((await b.client.take("message"))["payload"]).toEqual({ text: "over there" });
    b.client.send({ type: "message", payload: { text: "all" } });
    await a.client.take("message");
    const moved = await two.context.identify(a.agentId, a.token);
    expect((await a.client.closed).code).toBe(4001);
    b.client.send({ type: "message", to: a.agentId, payload: { text: "again" } });
    expect((await moved.client.take("message"))["payload"]).toEqual({ text: "again" });
    const { agents } = (await one.context.http("GET", "/api/agents")).body as { agents: { agent_id: string }[] };
    expect(agents.map(({ agent_id }) => agent_id).sort()).toEqual([a.agentId, b.agentId].sort());
  });
});

async function startWithDesk(
  stores: MemoryStores,
  wrap: (desk: TaskDesk) => TaskDesk,
  onBroken?: (error: unknown) => void,
  port = 0,
): Promise<HubEdge> {
  const [clock, randomHex] = [systemClock, systemRandomHex];
  const hub = await startHubEdge({
    node: "n",
    host: "127.0.0.1",
    port,
    clock,
    randomHex,
    behaviour: { warts: false, presence: "digest" },
    rateLimits: "off",
    log: () => undefined,
    backplane: memoryBackplane("n", stores),
    makeTasks: (roster, view) => wrap(new MemoryDesk({ roster, view, clock, randomHex })),
    ...(onBroken ? { onBroken } : {}),
  });
  hubs.push(hub);
  return hub;
}

/** The desk's methods as own properties, so that some can be replaced. */
function bound(desk: TaskDesk): TaskDesk {
  return {
    submit: (draft) => desk.submit(draft),
    report: (agentId, frame) => desk.report(agentId, frame),
    command: (taskId, command) => desk.command(taskId, command),
    find: (taskId) => desk.find(taskId),
    list: (filter) => desk.list(filter),
    stats: () => desk.stats(),
    notify: (event) => desk.notify(event),
    close: () => desk.close(),
  };
}

function failing(desk: TaskDesk, errorNow: () => Error | undefined): TaskDesk {
  const check = async () => {
    const error = errorNow();
    if (error) throw error;
  };
  return {
    ...bound(desk),
    stats: () => check().then(() => desk.stats()),
    submit: (draft) => check().then(() => desk.submit(draft)),
    report: (agentId, frame) => check().then(() => desk.report(agentId, frame)),
  };
}
