/** A Redis that answers with errors while a hub is at work: submissions are put off, the node stays, and all goes on afterwards. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { until } from "./desk-node.ts";
import { NodeProcess, WireAgent } from "./node-process.ts";
import { redisForTests } from "./start-redis.ts";

const redis = redisForTests();
const other = redisForTests();
let admin: Redis;
const nodes: NodeProcess[] = [];
const agents: WireAgent[] = [];

beforeAll(async () => {
  admin = new Redis(redis.url);
  await admin.call("ACL", "SETUSER", "hub", "on", ">secret", "~*", "&*", "+@all");
});

afterAll(() => admin.disconnect());

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.close();
  await Promise.all(nodes.splice(0).map(({ process }) => process.stop()));
});

/** As a user of its own, so that what is taken from it is not taken from `admin`. */
const ownUrl = () => redis.url.replace("redis://", "redis://hub:secret@");

async function startNode(url: string, namespace = `test-${systemRandomHex(4)}`): Promise<NodeProcess> {
  const name = `n${nodes.length + 1}`;
  const node = await NodeProcess.start(redis.care, ["--node", name, "--redis", url, "--namespace", namespace]);
  nodes.push(node);
  return node;
}

async function startAgent(node: NodeProcess, agentId: string): Promise<{ token: string; agent: WireAgent }> {
  const token = await node.register(agentId);
  const agent = await WireAgent.connect(node, agentId, token);
  agents.push(agent);
  return { token, agent };
}

const submitted = (node: NodeProcess, token: string, body: object = {}) =>
  node.call("POST", "/api/tasks", { token, body: { description: "a task", assign_to: "nobody", ...body } });

/** Until the node answers so; what it answered last. */
const answers = (node: NodeProcess, token: string, status: number) =>
  until(`an answer of ${status}`, async () => {
    const answer = await submitted(node, token);
    return answer.status === status ? answer : undefined;
  });

const killHub = () => admin.call("CLIENT", "KILL", "USER", "hub");

interface Harm {
  harm(): Promise<unknown>;
  heal(): Promise<unknown>;
  /** What the log must say. */
  cause: RegExp;
}

const acl = (...rules: string[]) => admin.call("ACL", "SETUSER", "hub", ...rules);
const set = (name: string, value: string | number) => admin.config("SET", name, value);

const HARMS: Record<string, Harm> = {
  "scripts forbidden": { harm: () => acl("-@scripting"), heal: () => acl("+@all"), cause: /NOPERM.*eval/ },
  "a command of the scripts forbidden": { harm: () => acl("-zadd"), heal: () => acl("+@all"), cause: /script/ },
  "the keys forbidden": { harm: () => acl("resetkeys"), heal: () => acl("~*"), cause: /NOPERM.*key/ },
  "another password": {
    harm: () => acl("resetpass", ">other").then(killHub),
    heal: () => acl("resetpass", ">secret"),
    cause: /WRONGPASS/,
  },
  "no memory left": { harm: () => set("maxmemory", "1mb"), heal: () => set("maxmemory", 0), cause: /OOM/ },
  "too few replicas": {
    harm: () => set("min-replicas-to-write", 1),
    heal: () => set("min-replicas-to-write", 0),
    cause: /NOREPLICAS/,
  },
  "no client more": {
    harm: () => set("maxclients", 1).then(killHub),
    heal: () => set("maxclients", 10_000),
    // What Redis says is lost when it closes a connection on which something was sent.
    cause: /max number of clients|EPIPE|ECONNRESET/,
  },
  "a script that does not end": {
    harm: async () => {
      await set("lua-time-limit", 50);
      const busy = new Redis(redis.url);
      busy.call("EVAL", "while true do end", 0).catch(() => busy.disconnect());
    },
    heal: () => admin.call("SCRIPT", "KILL"),
    cause: /BUSY/,
  },
};

describe("a Redis at work with", () => {
  it.each(Object.entries(HARMS))("%s: 503 and one line that says why, then all goes on", async (_, { harm, heal, cause }) => {
    const node = await startNode(ownUrl());
    const { token, agent } = await startAgent(node, "ada");
    await node.submit(token);
    const assigned = await agent.hears("task_assign");
    try {
      await harm();
      const refused = await answers(node, token, 503);
      expect(refused.headers.get("retry-after")).toBe("1");
      agent.complete(assigned);
      const saying = () =>
        node.process
          .logTail()
          .split("\n")
          .filter((line) => line.includes("does not serve") && cause.test(line));
      await until(`a line that says ${String(cause)}`, async () => {
        await submitted(node, token);
        return saying().length > 0;
      });
      for (let n = 0; n < 20; n++) await submitted(node, token);
      expect(saying()).toEqual([...new Set(saying())]);
    } finally {
      await heal();
    }
    await answers(node, token, 201);
    await until("the completion answered", () => agent.heard.find(({ type }) => type === "task_ack"));
    expect((await node.task(token, assigned.task_id))?.status).toBe("completed");
    expect(agent.isOpen).toBe(true);
    expect(node.process.alive).toBe(true);
  });

  it("a key of another type where a set belongs: that alone is put off, and nothing counts as done", async () => {
    const namespace = `test-${systemRandomHex(4)}`;
    const node = await startNode(ownUrl(), namespace);
    const { token } = await startAgent(node, "ada");
    const { task_id: first } = await node.submit(token, { assign_to: "nobody" } as object);
    await admin.set(`{${namespace}}:parked`, "of another program");
    expect((await submitted(node, token, { depends_on: [first] })).status).toBe(503);
    expect((await submitted(node, token)).status).toBe(201);
    await admin.del(`{${namespace}}:parked`);
    expect((await submitted(node, token, { depends_on: [first] })).status).toBe(201);
    expect(node.process.logTail()).toContain("WRONGTYPE");
  });

  it("scripts that it has forgotten: nobody notices", async () => {
    const node = await startNode(ownUrl());
    const { token } = await startAgent(node, "ada");
    await admin.call("SCRIPT", "FLUSH");
    expect((await submitted(node, token)).status).toBe(201);
  });
});

/** A description may be five seconds old. */
const seen = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 200 });

describe("a Redis that evicts since it was changed", () => {
  it("is not called durable any more", async () => {
    const node = await startNode(ownUrl());
    try {
      await admin.config("SET", "maxmemory", "1gb");
      await admin.config("SET", "maxmemory-policy", "allkeys-lru");
      await seen(async () => {
        const { body } = await node.call("GET", "/api/describe");
        expect(body).toMatchObject({
          durability: { verified: null, how: expect.stringMatching(/not durable.*maxmemory-policy allkeys-lru/) },
        });
      });
    } finally {
      await admin.config("SET", "maxmemory-policy", "noeviction");
      await admin.config("SET", "maxmemory", 0);
    }
    await seen(async () => {
      const { body } = await node.call("GET", "/api/describe");
      expect(body).toMatchObject({ durability: { verified: "fsync" } });
    });
  });
});

describe("a value above what a hub takes, and Redis too", () => {
  it("is refused by its size, and no other request is disturbed", async () => {
    await admin.config("SET", "proto-max-bulk-len", 2 ** 20);
    const received = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info("stats"))?.[1]);
    try {
      const node = await startNode(ownUrl());
      const { token } = await startAgent(node, "ada");
      const connections = await received();
      // A number that is written longer than it was sent.
      const numbers = Array.from({ length: 100_000 }, () => "1e20").join(",");
      const large = fetch(`${node.http}/api/tasks`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: `{"description":"large","assign_to":"nobody","metadata":{"n":[${numbers}]}}`,
      });
      const others = Array.from({ length: 20 }, () => submitted(node, token));
      const answer = await large;
      expect(answer.status).toBe(413);
      expect(await answer.json()).toMatchObject({ error: "payload_too_large", limit_bytes: LIMITS.documentBytes });
      expect((await Promise.all(others)).map(({ status }) => status)).toEqual(others.map(() => 201));
      expect(await received()).toBe(connections);
    } finally {
      await admin.config("SET", "proto-max-bulk-len", 512 * 2 ** 20);
    }
  });
});

describe("pub/sub", () => {
  it("that is forbidden for a while: the nodes stay, and hear each other again afterwards", async () => {
    const namespace = `test-${systemRandomHex(4)}`;
    const [one, two] = [await startNode(ownUrl(), namespace), await startNode(ownUrl(), namespace)];
    const { agent: ada } = await startAgent(one, "ada");
    const { agent: bob } = await startAgent(two, "bob");
    const said = async (text: string) => {
      bob.send({ type: "message", to: "ada", payload: { text } });
      return ada.heard.some((frame) => frame.type === "message" && JSON.stringify(frame).includes(text));
    };
    await until("a message across nodes", () => said("before"));
    await acl("resetchannels");
    await until("the log to say so", () => nodes.every(({ process }) => process.logTail().includes("cannot hear each other")));
    await acl("&*");
    await until("a message across nodes again", () => said("after"));
    expect(nodes.every(({ process }) => process.alive)).toBe(true);
  });
});

describe("a failover behind one address", () => {
  let address: Server;
  let primaryPort: number;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    // New connections go to the server that is the primary then; those that are there stay where they are.
    address = createServer((client) => {
      const upstream = connect(primaryPort, "127.0.0.1");
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on("error", () => socket.destroy());
      }
      client.pipe(upstream).pipe(client);
    });
    address.listen(0, "127.0.0.1");
    await once(address, "listening");
  });

  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    address.close();
  });

  it("is found: the node leaves the server that has become a replica, says so, and hears itself again", async () => {
    const [before, after] = [redis, other].map(({ url }) => Number(new URL(url).port)) as [number, number];
    const promoted = new Redis(other.url);
    try {
      await promoted.call("REPLICAOF", "127.0.0.1", before);
      primaryPort = before;
      const node = await startNode(`redis://127.0.0.1:${(address.address() as AddressInfo).port}`);
      const { token, agent } = await startAgent(node, "ada");
      const { agent: bob } = await startAgent(node, "bob");
      agent.onAssign = (frame) => agent.complete(frame);
      await answers(node, token, 201);
      await until("the replica in step", async () => /master_link_status:up/.test(await promoted.info("replication")));
      await promoted.call("REPLICAOF", "NO", "ONE");
      primaryPort = after;
      await admin.call("REPLICAOF", "127.0.0.1", 1);
      await answers(node, token, 503);
      await answers(node, token, 201);
      expect(node.process.logTail()).toMatch(/does not serve: READONLY/);
      await node.submit(token, { assign_to: "ada" } as object);
      await agent.hears("task_ack");
      bob.send({ type: "message", to: "ada", payload: { text: "over the new server" } });
      await until("a message over the bus", () => agent.heard.find(({ type }) => type === "message"));
      expect(await promoted.call("PUBSUB", "CHANNELS")).not.toEqual([]);
    } finally {
      await admin.call("REPLICAOF", "NO", "ONE");
      promoted.disconnect();
    }
  });
});
