/** What a connection may still do after the hub has ended it, or has given its agent to a later connection: nothing. */
import { once } from "node:events";
import { RATE_TIERS } from "@hubscale/hub-core";
import { LIMITS } from "@hubscale/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type HubEdge, startHubEdge } from "./hub-edge.ts";
import type { HubEdgeOptions } from "./hub-edge-options.ts";
import type { Backplane } from "./ports.ts";
import { REFERENCE_RATE_LIMITS } from "./rate-limiter.ts";
import { systemClock, systemRandomHex } from "./system-clock.ts";
import { ConformanceContext, ManualClock, MemoryDesk, MemoryStores, memoryBackplane } from "./testing/index.ts";

const hubs: HubEdge[] = [];
const contexts: ConformanceContext[] = [];
const sockets: WebSocket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  for (const context of contexts.splice(0)) await context.close();
  for (const hub of hubs.splice(0)) await hub.close();
});

type Options = Partial<HubEdgeOptions> & { stores?: MemoryStores; over?: (backplane: Backplane) => Partial<Backplane> };

async function start({ stores = new MemoryStores(), over = () => ({}), ...options }: Options = {}) {
  const { node = "one", clock = systemClock, randomHex = systemRandomHex } = options;
  const backplane = memoryBackplane(node, stores);
  const hub = await startHubEdge({
    node,
    host: "127.0.0.1",
    port: 0,
    clock,
    randomHex,
    behaviour: { warts: false, presence: "digest" },
    rateLimits: "off",
    log: () => undefined,
    backplane: { ...backplane, ...over(backplane) },
    makeTasks: (roster, view) => new MemoryDesk({ roster, view, clock, randomHex }),
    ...options,
  });
  hubs.push(hub);
  const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
  contexts.push(context);
  return { hub, context, stores };
}

type Started = Awaited<ReturnType<typeof start>>;

/** A client that sends and does not read, so that it does not know yet that its connection was ended. */
class DeafClient {
  readonly socket: WebSocket;
  readonly closed: Promise<unknown[]>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = once(socket, "close");
    sockets.push(socket);
  }

  /** Resolves when the hub lists it. */
  static async identify({ hub }: Started, agentId: string, token: string, also: object = {}): Promise<DeafClient> {
    const client = await DeafClient.open(hub);
    client.send({ type: "identify", agent_id: agentId, token, ...also });
    await once(client.socket, "message");
    client.socket.pause();
    return client;
  }

  static async open(hub: HubEdge): Promise<DeafClient> {
    const socket = new WebSocket(hub.wsUrl);
    await once(socket, "open");
    return new DeafClient(socket);
  }

  send(frame: object | string): void {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Reads the close, and answers it: when that is over, the hub has read all that was sent before. The close code. */
  async hearTheClose(): Promise<number> {
    this.socket.resume();
    return (await this.closed)[0] as number;
  }
}

async function listed({ context }: Started): Promise<{ agent_id: string; status: string }[]> {
  return ((await context.http("GET", "/api/agents")).body as { agents: { agent_id: string; status: string }[] }).agents;
}

const OLD = "said by a connection that is over";
const FRAMES = [
  { type: "status", status: OLD },
  { type: "message", payload: { text: OLD } },
  { type: "channel_subscribe", channel: "news" },
  { type: "channel_publish", channel: "news", payload: { text: OLD } },
  { type: "resource_report", cpu_percent: 99 },
  { type: "ollama_report", ollama_url: "http://127.0.0.1:9" },
  { type: "state_report", task_id: null },
];

/** Each ends the connection of the deaf agent; what is its close code? */
const ENDS: Record<
  string,
  { code: number; warts: boolean; end: (one: Started, two: Started, clock: ManualClock, deaf: DeafAgent) => Promise<void> }
> = {
  "a later connection on its node": {
    code: 4001,
    warts: false,
    end: async ({ context }, _, __, { agentId, token }) => void (await context.identify(agentId, token)),
  },
  "a later connection on another node": {
    code: 4001,
    warts: false,
    end: async (_, { context }, __, { agentId, token }) => void (await context.identify(agentId, token)),
  },
  "silence for 60 s": { code: 1000, warts: false, end: async (_, __, clock) => clock.advance(65_000) },
  "no ping for 60 s": {
    code: 1000,
    warts: true,
    end: async (one, _, clock, { client }) => {
      for (let atMs = 0; atMs < 60_000; atMs += 30_000) {
        client.send({ type: "channel_subscribe", channel: `c${atMs}` });
        await one.context.eventually(async () => {
          // The frame has been handled.
          if (counterOf(await one.context.http("GET", "/api/metrics"), "frames_in") < 2 + atMs / 30_000)
            throw new Error("not yet");
        });
        clock.advance(30_000);
      }
    },
  },
  "ten violations": {
    code: 1008,
    warts: false,
    end: async (one, _, __, { agentId, client }) => {
      for (let n = 0; n < LIMITS.violations; n++) client.send("no");
      await one.context.eventually(async () => {
        if (one.hub.roster.get(agentId)) throw new Error("still there");
      });
    },
  },
};

interface DeafAgent {
  agentId: string;
  token: string;
  client: DeafClient;
}

function counterOf({ body }: { body: unknown }, name: string): number {
  return (body as { counters: Record<string, number> }).counters[name] ?? 0;
}

describe.each(Object.entries(ENDS))("a connection that was ended by %s", (_, { code, warts, end }) => {
  test("has no effects any more: its agent is what the others say it is", async () => {
    const stores = new MemoryStores();
    const clock = new ManualClock();
    const behaviour = { warts, presence: "digest" } as const;
    const one = await start({ stores, clock, behaviour, node: "one" });
    const two = await start({ stores, clock, behaviour, node: "two" });
    const agentId = one.context.unique("a");
    const token = await one.context.register(agentId);
    const client = await DeafClient.identify(one, agentId, token, { ollama_url: "http://10.0.0.1:11434" });
    await end(one, two, clock, { agentId, token, client });
    const before = [await listed(one), await listed(two)];
    const watcher = await two.context.agent("watcher");
    watcher.client.send({ type: "channel_subscribe", channel: "news" });
    await watcher.client.take("channel_subscribed");

    for (const frame of FRAMES) client.send(frame);
    expect(await client.hearTheClose()).toBe(code);
    const without = async (node: Started) => (await listed(node)).filter(({ agent_id }) => agent_id !== watcher.agentId);
    expect([await without(one), await without(two)]).toEqual(before);
    expect(stores.history).toEqual([]);
    expect([...stores.endpoints.keys()]).toEqual([]);
    const heard = (await watcher.client.unread()).map(({ type }) => type);
    expect(heard.filter((type) => type === "message" || type === "channel_message" || type === "status_changed")).toEqual([]);
  });
});

test("a connection that another has replaced breaks no rule and uses up no allowance in its agent's name", async () => {
  const rateLimits = { ...REFERENCE_RATE_LIMITS, defaults: { ...RATE_TIERS, normal: { capacity: 20, refillPerMin: 1 } } };
  const started = await start({ rateLimits });
  const { context } = started;
  const agentId = context.unique("a");
  const token = await context.register(agentId);
  const old = await DeafClient.identify(started, agentId, token);
  const { client } = await context.identify(agentId, token);
  for (let n = 0; n < LIMITS.violations; n++) old.send("no");
  for (let n = 0; n < 30; n++) old.send({ type: "message", payload: { n } });
  expect(await old.hearTheClose()).toBe(4001);
  client.send({ type: "message", to: agentId, payload: {} });
  expect((await client.take((frame) => frame.type === "message_sent" || frame.type === "rate_limited")).type).toBe(
    "message_sent",
  );
  await context.identify(agentId, token);
});

test("a message to an agent whose replaced connection still spoke waits for it", async () => {
  const started = await start();
  const { hub, context } = started;
  const sender = await context.agent("sender");
  const agentId = context.unique("a");
  const token = await context.register(agentId);
  const old = await DeafClient.identify(started, agentId, token);
  const later = await context.identify(agentId, token);
  old.send({ type: "status", status: OLD });
  await old.hearTheClose();
  await later.client.close();
  await context.eventually(async () => {
    if (hub.roster.get(agentId)) throw new Error("still there");
  });
  expect((await listed(started)).map(({ agent_id }) => agent_id)).toEqual([sender.agentId]);
  sender.client.send({ type: "message", to: agentId, payload: { text: "for later" } });
  await sender.client.take("message_sent");
  const back = await context.identify(agentId, token);
  expect((await back.client.take("message"))["payload"]).toEqual({ text: "for later" });
});

test("an agent that is sent away by a node that goes is listed nowhere, and what it is sent waits for it", async () => {
  const stores = new MemoryStores();
  const one = await start({ stores, node: "one" });
  const two = await start({ stores, node: "two" });
  const sender = await two.context.agent("sender");
  const agentId = one.context.unique("a");
  const token = await one.context.register(agentId);
  // It does not read the close for a while.
  await DeafClient.identify(one, agentId, token);
  const closing = one.hub.close();
  await two.context.eventually(async () => {
    if ((await listed(two)).length > 1) throw new Error("still listed");
  });
  expect(one.hub.roster.get(agentId), "its connection is still there").toBeDefined();
  sender.client.send({ type: "message", to: agentId, payload: { text: "for later" } });
  await sender.client.take("message_sent");
  const back = await two.context.identify(agentId, token);
  expect((await back.client.take("message"))["payload"]).toEqual({ text: "for later" });
  await closing;
});

describe("while the store keeps a frame waiting", () => {
  /** What is asked of it waits until it is let go. */
  function gate() {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    let hold = true;
    let arrived: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (arrived = resolve));
    return {
      open,
      reached,
      /** Only the first. */
      async pass(): Promise<void> {
        if (!hold) return;
        hold = false;
        arrived();
        await opened;
      },
    };
  }

  test("the frames behind it are dropped when another connection takes over", async () => {
    const store = gate();
    const started = await start({
      over: ({ messages }) => ({
        messages: { ...messages, append: (message, offline) => store.pass().then(() => messages.append(message, offline)) },
      }),
    });
    const { context, stores } = started;
    const agentId = context.unique("a");
    const token = await context.register(agentId);
    const old = await DeafClient.identify(started, agentId, token);
    old.send({ type: "message", payload: { text: "in time" } });
    await store.reached;
    old.send({ type: "message", payload: { text: "too late" } });
    old.send({ type: "status", status: OLD });
    const { client } = await context.identify(agentId, token);
    expect(await old.hearTheClose()).toBe(4001);
    store.open();
    expect((await client.take("message"))["payload"]).toEqual({ text: "in time" });
    await client.unread();
    expect(stores.history).toHaveLength(1);
    expect(await listed(started)).toMatchObject([{ agent_id: agentId, status: "idle" }]);
  });

  const gatedTokens = (store: ReturnType<typeof gate>) => ({
    over: ({ tokens }: Backplane) => ({
      tokens: { ...tokens, agentOf: (hash: string) => store.pass().then(() => tokens.agentOf(hash)) },
    }),
  });

  test("a connection that closes before it is identified is never listed", async () => {
    const store = gate();
    const started = await start(gatedTokens(store));
    const { context, hub } = started;
    const agentId = context.unique("a");
    const token = await context.register(agentId);
    const early = await DeafClient.open(hub);
    early.send({ type: "identify", agent_id: agentId, token });
    await store.reached;
    early.socket.close();
    await early.closed;
    store.open();
    await context.agent("another");
    expect((await listed(started)).map(({ agent_id }) => agent_id)).not.toContain(agentId);
  });

  test.each(["its node", "another node"])("a connection does not take over from one that came later, on %s", async (where) => {
    const store = gate();
    const stores = new MemoryStores();
    const clock = new ManualClock();
    const one = await start({ stores, clock, node: "one", ...gatedTokens(store) });
    const two = await start({ stores, clock, node: "two" });
    const agentId = one.context.unique("a");
    const token = await one.context.register(agentId);
    const early = await DeafClient.open(one.hub);
    early.send({ type: "identify", agent_id: agentId, token });
    await store.reached;
    clock.advance(1);
    const { client } = await (where === "its node" ? one : two).context.identify(agentId, token);
    store.open();
    expect(await early.hearTheClose()).toBe(4001);
    await client.unread();
    expect((await listed(one)).map(({ agent_id }) => agent_id)).toEqual([agentId]);
  });

  test.each([
    ["back into the mailbox", false],
    ["to the connection that has taken over", true],
  ])("a mailbox that was taken for a connection that is gone goes %s", async (_, isBackFirst) => {
    const store = gate();
    const started = await start({
      over: ({ messages }) => ({
        messages: {
          ...messages,
          takeMailbox: async (agentId) => {
            const mailbox = await messages.takeMailbox(agentId);
            if (mailbox.length > 0) await store.pass();
            return mailbox;
          },
        },
      }),
    });
    const { context, hub, stores } = started;
    const sender = await context.agent("sender");
    const agentId = context.unique("a");
    const token = await context.register(agentId);
    sender.client.send({ type: "message", to: agentId, payload: { text: "for later" } });
    await sender.client.take("message_sent");
    const early = await DeafClient.identify(started, agentId, token);
    await store.reached;
    early.socket.terminate();
    await context.eventually(async () => {
      if (hub.roster.get(agentId)) throw new Error("still there");
    });
    const back = () => context.identify(agentId, token);
    const first = isBackFirst ? await back() : undefined;
    store.open();
    await context.eventually(async () => {
      if (!first && !stores.mailboxes.has(agentId)) throw new Error("not yet back");
    });
    expect((await (first ?? (await back())).client.take("message"))["payload"]).toEqual({ text: "for later" });
  });
});
