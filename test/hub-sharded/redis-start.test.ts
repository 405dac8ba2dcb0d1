/** Redis servers that a node cannot be started on: it ends within a bounded time, and says what is wrong and what to do. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { ProcessCare } from "hubscale/machine";
import {
  CLUSTER_SETTINGS,
  findProgram,
  freePort,
  type ProvisionedServer,
  provisionRedis,
  serverSourcesOf,
} from "hubscale/provisioning";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "./desk-node.ts";
import { NodeProcess, WireAgent } from "./node-process.ts";
import { redisForTests } from "./start-redis.ts";

const redis = redisForTests();
const program = fileURLToPath(import.meta.resolve("@hubscale/hub-sharded/node-main"));
const care = new ProcessCare({ handleSignals: false });
const request = { care, sources: serverSourcesOf(process.env), durability: "fsync" } as const;
const started: ChildProcess[] = [];
let admin: Redis;

beforeAll(() => {
  admin = new Redis(redis.url);
});

afterAll(async () => {
  admin.disconnect();
  await care.close();
});

afterEach(() => {
  // One that was not refused in the test's time.
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

const namespace = () => `test-${systemRandomHex(4)}`;

/** What the program says at its end. */
async function refusal(url: string, ...flags: string[]): Promise<string> {
  const args = [program, "--port", "0", "--redis", url, "--namespace", namespace(), ...flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  started.push(child);
  const [[code], stderr] = await Promise.all([once(child, "exit"), text(child.stderr)]);
  expect({ code, stderr }).toMatchObject({ code: 1 });
  // One line of the program itself, and no stack.
  expect(stderr).not.toMatch(/^ {4}at /m);
  return stderr.split("\n").findLast((line) => line.startsWith("hub-sharded: ")) ?? stderr;
}

const hubUrl = () => redis.url.replace("redis://", "redis://hub:secret@");
const setUser = (...rules: string[]) => admin.call("ACL", "SETUSER", "hub", "reset", "on", ">secret", "~*", "&*", ...rules);

describe("a node is not started on a Redis that", () => {
  it("wants another password, or one at all", async () => {
    await setUser("+@all");
    const wrong = await refusal(redis.url.replace("redis://", "redis://hub:wrong@"));
    expect(wrong).toMatch(/refuses the login \(WRONGPASS.*redis:\/\/user:password@host:port/);
    await admin.call("ACL", "SETUSER", "default", "resetpass", ">known");
    try {
      expect(await refusal(redis.url)).toMatch(/refuses the login \(NOAUTH.*redis:\/\/user:password@host:port/);
    } finally {
      await admin.call("ACL", "SETUSER", "default", "nopass");
    }
  });

  it("forbids some of the commands that a hub needs, which it names with the grant", async () => {
    await setUser("+@all", "-@scripting", "-zadd", "-multi");
    expect(await refusal(hubUrl())).toMatch(
      /does not let user hub run zadd, eval, evalsha, multi, exec\. Remedy: ACL SETUSER hub \+zadd \+eval \+evalsha \+multi \+exec$/,
    );
  });

  it("forbids the hub's keys or channels", async () => {
    await setUser("+@all", "resetkeys", "~other:*");
    expect(await refusal(hubUrl())).toMatch(/user hub use the hub's keys\. Remedy: ACL SETUSER hub ~\{test-\w+\*/);
    await setUser("+@all", "resetchannels");
    expect(await refusal(hubUrl())).toMatch(/user hub use the hub's channels\. Remedy: ACL SETUSER hub &test-\w+:\*/);
    await setUser("+@all", "-subscribe");
    expect(await refusal(hubUrl())).toMatch(/cannot hear each other.*ACL SETUSER <user> \+subscribe/);
  });

  it("does not tell its settings", async () => {
    await setUser("+@all", "-config");
    expect(await refusal(hubUrl())).toMatch(
      /durability of Redis cannot be read.*CONFIG GET.*ACL SETUSER <user> \+info \+config\|get/,
    );
  });

  it("knows some commands by other names only", async () => {
    const renamed = await serverWith({ extraSettings: [["rename-command", "EVALSHA evalsha-of-ours"]] });
    expect(await refusal(renamed.url)).toMatch(/does not know evalsha.*rename-command/);
  });

  it("evicts keys, whatever is to be promised", async () => {
    await admin.config("SET", "maxmemory", "1gb");
    await admin.config("SET", "maxmemory-policy", "volatile-lru");
    try {
      for (const level of ["fsync", "process"]) {
        expect(await refusal(redis.url, "--durability", level)).toMatch(
          /maxmemory-policy volatile-lru \(it evicts.*CONFIG SET maxmemory-policy noeviction/,
        );
      }
    } finally {
      await admin.config("SET", "maxmemory", 0);
    }
  });

  it("is a replica", async () => {
    const replica = await serverWith({ extraSettings: [["replicaof", `127.0.0.1 ${new URL(redis.url).port}`]] });
    expect(await refusal(replica.url)).toMatch(/is a replica and takes no writes \(READONLY.*name its primary/);
  });

  it("takes no more clients", async () => {
    await admin.config("SET", "maxclients", 1);
    try {
      expect(await refusal(redis.url)).toMatch(
        /takes no more connections \(-?ERR max number of clients reached\): raise its maxclients/,
      );
    } finally {
      await admin.config("SET", "maxclients", 10_000);
    }
  });

  it("goes on loading its data", async () => {
    const folder = care.temporaryFolder("loading");
    const before = await serverWith({ keptFolder: folder });
    const client = new Redis(before.url);
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => client.set(`key-${n}`, systemRandomHex(100))));
    await client.bgrewriteaof();
    await until("the data in one file", async () => /aof_rewrite_in_progress:0/.test(await client.info("persistence")));
    client.disconnect();
    await before.stop();
    const found = await findProgram({ name: "redis-server", atLeast: "6.2.0", because: "a test" }, request);
    if (!("program" in found)) throw new Error(found.reasons.join("; "));
    const port = await freePort();
    const { command, env } = found.program;
    const slow = ["--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024"];
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", ...slow];
    const loading = await care.start({
      name: "redis-server",
      role: "redis",
      command,
      args,
      env,
      stdout: "log",
      log: join(folder, "log"),
    });
    await until("its port open", () => isOpen(port));
    expect(await refusal(`redis://127.0.0.1:${port}`)).toMatch(/is loading its data \(LOADING/);
    loading.signal("SIGKILL");
  });
});

describe("a node is not started where", () => {
  it("no such host is known", async () => {
    expect(await refusal("redis://no-such-host.invalid:6379")).toMatch(
      /no answer from Redis at no-such-host\.invalid:6379 \(.*ENOTFOUND|EAI_AGAIN/,
    );
  });

  it.each([
    ["a web server", () => createHttpServer() as Server, /does not speak Redis' protocol|closes the connection/],
    ["a server that speaks TLS", () => createTlsServer() as Server, /rediss:\/\/host:port/],
    [
      "a server that greets in another protocol",
      () => createServer((socket) => socket.on("error", () => socket.destroy()).write('INFO {"server_id":"x"}\r\n')),
      /does not speak Redis' protocol/,
    ],
    [
      "a server that says nothing",
      () => createServer((socket) => void socket.on("error", () => socket.destroy()).resume()),
      /takes connections and says nothing/,
    ],
  ])("%s listens", async (_, create, said) => {
    const server = create();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      expect(await refusal(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`)).toMatch(said);
    } finally {
      server.close();
    }
  });

  it("only the connection that listens gets no answer", async () => {
    const upstreamPort = Number(new URL(redis.url).port);
    let connections = 0;
    const wire = createServer((client) => {
      client.on("error", () => client.destroy());
      // The first is for commands.
      if (++connections === 2) return;
      const upstream = connect(upstreamPort, "127.0.0.1");
      upstream.on("error", () => upstream.destroy());
      client.pipe(upstream).pipe(client);
    });
    wire.listen(0, "127.0.0.1");
    await once(wire, "listening");
    const { port } = wire.address() as AddressInfo;
    expect(await refusal(`redis://127.0.0.1:${port}`)).toContain(`Redis at 127.0.0.1:${port} was not ready within 10 s`);
    wire.close();
  });
});

describe("a Redis Cluster", () => {
  it("that serves only some of its slots is said to be down", async () => {
    const server = await serverWith({ extraSettings: [["cluster-enabled", "yes"]] });
    const client = new Redis(server.url);
    await client.cluster("ADDSLOTS", 1, 2, 3);
    client.disconnect();
    expect(await refusal(server.url, "--redis-cluster")).toMatch(
      /cluster_state fail, 3 of 16384 slots served.*start its lost servers/,
    );
  });

  it("is not taken for a single server, nor a single server for one", async () => {
    const server = await serverWith({ extraSettings: CLUSTER_SETTINGS });
    expect(await refusal(server.url)).toMatch(/Redis Cluster/);
    expect(await refusal(redis.url, "--redis-cluster")).toMatch(/is not of a Redis Cluster.*leave --redis-cluster out/);
  });
});

describe("a user that may do what the refusals name", () => {
  it("may do all that a hub at work does", async () => {
    const ownNamespace = namespace();
    await setUser("resetkeys", "resetchannels", "-@all", "+hello", "+info", "+config|get", "+subscribe");
    // First the commands, which Redis checks before the keys and the channels.
    for (let round = 0; round < 2; round++) {
      const [, grants = ""] = /Remedy: ACL SETUSER hub (.*)$/.exec(await refusal(hubUrl(), "--namespace", ownNamespace)) ?? [];
      await admin.call("ACL", "SETUSER", "hub", ...grants.split(" "));
    }
    const node = await NodeProcess.start(care, ["--redis", hubUrl(), "--namespace", ownNamespace, "--lease-ms", "500"]);
    const token = await node.register("ada");
    const ada = await WireAgent.connect(node, "ada", token);
    let assigned = 0;
    ada.onAssign = (frame) => {
      // Accepted and worked on for longer than a lease, failed until it is a dead letter, or completed.
      if (++assigned === 1) setTimeout(() => ada.complete(frame), 1_500);
      else if (assigned <= 5)
        ada.send({ type: "task_failed", task_id: frame.task_id, generation: frame.generation, error: "no" });
      else ada.complete(frame);
    };
    const first = await node.submit(token);
    const dependent = await node.submit(token, { depends_on: [first.task_id] });
    const cancelled = await node.submit(token, { needed_capabilities: ["nobody"] });
    expect((await node.call("POST", `/api/tasks/${cancelled.task_id}/cancel`, { token })).status).toBe(200);
    await until("the dead letter", async () => (await node.task(token, dependent.task_id))?.status === "dead_letter");
    expect((await node.call("POST", `/api/tasks/${dependent.task_id}/retry`, { token })).status).toBe(200);
    await until("all done", async () => {
      const { body } = await node.call("GET", "/api/tasks/stats", { token });
      return (body["by_status"] as Record<string, number>)["completed"] === 2;
    });
    expect((await node.call("GET", "/api/tasks", { token })).status).toBe(200);
    await node.register("bob");
    ada.send({ type: "message", to: "bob", payload: { text: "kept for bob" } });
    ada.close();
    expect(node.process.logTail()).not.toMatch(/NOPERM|script/);
    await node.process.stop();
  });
});

/** Whether somebody listens there. */
async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const opened = await Promise.race([once(socket, "connect").then(() => true), once(socket, "close").then(() => false)]).catch(
    () => false,
  );
  socket.destroy();
  return opened;
}

async function serverWith(wish: Partial<Parameters<typeof provisionRedis>[0]>): Promise<ProvisionedServer> {
  const provisioned = await provisionRedis({ ...request, ...wish });
  if (!provisioned.ok) throw new Error(provisioned.refusal.message);
  return provisioned.server;
}
