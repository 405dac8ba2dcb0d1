/** What strangers, and clients that misbehave, can do to a hub over its port. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { LIMITS } from "@hubscale/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { REFUSED_AT_ONCE } from "./connection-limits.ts";
import type { HubEdge } from "./hub-edge.ts";
import { ConformanceContext, ManualClock, type MemoryHubOptions, SidecarClient, startMemoryHub } from "./testing/index.ts";

const closers: (() => Promise<void>)[] = [];
const broken: unknown[] = [];

async function start(options: MemoryHubOptions = {}): Promise<{ hub: HubEdge; context: ConformanceContext }> {
  const hub = await startMemoryHub({ onBroken: (error) => broken.push(error), ...options });
  const context = new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000);
  closers.push(
    () => hub.close(),
    () => context.close(),
  );
  return { hub, context };
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  // Whatever a client does, no store has broken: that would have ended the hub.
  assert.deepEqual(broken.splice(0), []);
});

/** Sends bytes as they are, and returns all that comes back until the hub closes the connection. */
async function raw(hub: HubEdge, ...parts: string[]): Promise<string> {
  const socket = connect(hub.port, "127.0.0.1");
  await once(socket, "connect");
  for (const part of parts) socket.write(part);
  const answer = await text(socket);
  socket.destroy();
  return answer;
}

/** The status of the first answer; the connection is closed then. */
async function statusOf(hub: HubEdge, request: string): Promise<number> {
  const socket = connect(hub.port, "127.0.0.1");
  socket.write(request);
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return Number(/^HTTP\/1.1 (\d+) /.exec(answer.toString())?.[1]);
}

describe("registration", () => {
  const body = { agent_id: "newcomer" };
  const token = "0123456789abcdef0123456789abcdef";

  test("closed: 403 with a hint, with and without a token", async () => {
    const { context } = await start({ registration: { mode: "closed" } });
    for (const headers of [{}, { token }]) {
      const answer = await context.http("POST", "/api/onboard/register", { body, ...headers });
      expect(answer.status).toBe(403);
      expect(answer.body).toEqual({ error: "registration_closed", hint: "ask the hub's operator for a token" });
    }
  });

  test.each([
    ["none", {}],
    ["another", { token: `${token.slice(1)}0` }],
    ["a shorter one", { token: token.slice(1) }],
    ["a longer one", { token: `${token}0` }],
    ["an empty one", { token: "" }],
  ])("token: %s is 401", async (_name, headers) => {
    const { context } = await start({ registration: { mode: "token", token } });
    const answer = await context.http("POST", "/api/onboard/register", { body, ...headers });
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ error: "unauthorized" });
  });

  test("token: the right one registers, and the agent's own token does not register others", async () => {
    const { context } = await start({ registration: { mode: "token", token } });
    const answer = await context.http("POST", "/api/onboard/register", { body, token });
    expect(answer.status).toBe(201);
    const own = (answer.body as { token: string }).token;
    const other = await context.http("POST", "/api/onboard/register", { body: { agent_id: "friend" }, token: own });
    expect(other.status).toBe(401);
    // Nor does the registration token open anything else.
    expect((await context.http("GET", "/api/tasks", { token })).status).toBe(401);
  });

  test("token: guesses count against the rate limit of the address", async () => {
    const { context } = await start({ registration: { mode: "token", token }, rateLimits: "reference" });
    const statuses: number[] = [];
    for (let n = 0; n < 12; n++) {
      statuses.push((await context.httpOnce("POST", "/api/onboard/register", { body, token: `guess-${n}` })).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
  });
});

describe("bodies", () => {
  test.each([
    ["not JSON", "{", 400, { error: "invalid_json" }],
    ["two values", "{}{}", 400, { error: "invalid_json" }],
    ["nested too deep", `{"description":"x","metadata":{"a":${deep()}}}`, 400, { error: "invalid_json" }],
    ["nothing", undefined, 422, { error: "validation_failed", errors: [{}] }],
    ["null", "null", 422, { error: "validation_failed", errors: [{}] }],
    ["a list", "[]", 422, { error: "validation_failed", errors: [{}] }],
    ["a text", '"x"', 422, { error: "validation_failed", errors: [{}] }],
    ["a number", "1", 422, { error: "validation_failed", errors: [{}] }],
    ["wrong types", '{"description":{"a":1},"priority":7}', 422, { error: "validation_failed", errors: [{}, {}] }],
    ["a prototype", '{"__proto__":{"description":"x"}}', 422, { error: "validation_failed", errors: [{}] }],
    ["too long", JSON.stringify({ description: "x".repeat(LIMITS.payloadBytes) }), 413, { error: "payload_too_large" }],
  ])("%s: %s", async (_name, body, status, expected) => {
    const { context } = await start();
    const token = await context.submitter();
    const answer = await context.http("POST", "/api/tasks", { token, ...(body === undefined ? {} : { body }) });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(expected);
  });
});

describe("callers", () => {
  test("a browser's foreign page and a rebound name get 403, on HTTP and on the way to a socket", async () => {
    const { hub, context } = await start({ allowedHosts: ["hub.example"] });
    const authority = `127.0.0.1:${hub.port}`;
    const lines = (path: string, ...headers: string[]) => `GET ${path} HTTP/1.1\r\n${headers.join("\r\n")}\r\n`;
    const upgrade = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${"a".repeat(22)}==`,
    ];
    for (const [headers, http, socket] of [
      [[`Host: ${authority}`], 200, 101],
      [["Host: hub.example"], 200, 101],
      [[`Host: ${authority}`, `Origin: http://${authority}`], 200, 101],
      [[`Host: ${authority}`, "Origin: http://127.0.0.1:1"], 403, 403],
      [[`Host: ${authority}`, "Origin: null"], 403, 403],
      [["Host: evil.example", "Origin: http://evil.example"], 403, 403],
      // A browser that opens a socket names the page: this is a program.
      [["Host: evil.example"], 403, 101],
    ] as const) {
      const answer = await raw(hub, `${lines("/api/agents", ...headers, "Connection: close")}\r\n`);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${http} `));
      expect(await statusOf(hub, `${lines("/ws", ...headers, ...upgrade)}\r\n`)).toBe(socket);
    }
    const agent = await context.agent("worker");
    agent.client.send({ type: "ping" });
    await agent.client.take("pong");
  });

  test("the name of the scheme is taken in any case", async () => {
    const { hub, context } = await start();
    const token = await context.submitter();
    for (const scheme of ["bearer", "BEARER", "Bearer "]) {
      const answer = await fetch(`${hub.httpUrl}/api/tasks`, { headers: { authorization: `${scheme} ${token}` } });
      expect(answer.status).toBe(200);
    }
    for (const authorization of [token, `Basic ${token}`, `Bearer${token}`]) {
      expect((await fetch(`${hub.httpUrl}/api/tasks`, { headers: { authorization } })).status).toBe(401);
    }
  });

  test("callers without a token share a limit by their address, which a trusted proxy alone may say", async () => {
    const ask = async (hub: HubEdge, address: string, name: string) =>
      (
        await fetch(`${hub.httpUrl}/api/onboard/register`, {
          method: "POST",
          headers: { "x-forwarded-for": address },
          body: JSON.stringify({ agent_id: name }),
        })
      ).status;
    for (const [trustedProxies, status] of [
      [[], 429],
      [["10.0.0.0/8"], 429],
      [["127.0.0.0/8"], 201],
    ] as const) {
      const { hub } = await start({ rateLimits: "reference", trustedProxies });
      for (let n = 0; n < 10; n++) expect(await ask(hub, "192.0.2.1", `a${n}`)).toBe(201);
      expect(await ask(hub, "192.0.2.1", "one-too-many")).toBe(429);
      expect(await ask(hub, "192.0.2.2", "another")).toBe(status);
    }
  });
});

describe("requests", () => {
  test.each([
    [
      "a path that cannot be decoded",
      "GET /api/tasks/%ff%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      400,
      "bad_request",
    ],
    [
      "a part of a path that is too long",
      `GET /api/tasks/${"x".repeat(400)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      400,
      "bad_request",
    ],
    [
      "headers above 16 KiB",
      `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(17_000)}\r\n\r\n`,
      431,
      "headers_too_large",
    ],
    ["what is no HTTP", "\u0016\u0003\u0001 hello\r\n\r\n", 400, "bad_request"],
    ["an unknown method", "BREW /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "bad_request"],
    ["a method that no route has", "PUT /api/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404, "not_found"],
  ])("%s is answered in the form of all errors", async (_name, request, status, error) => {
    const { hub } = await start();
    const [head = "", body = ""] = (await raw(hub, request)).split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(body)).toMatchObject({ error });
    expect(body).not.toMatch(/stack|FST_|node_modules|\.ts:|\.js:/);
  });

  test("connections beyond the limit and some are answered 503; silent ones give way after a second", {
    timeout: 20_000,
  }, async () => {
    const clock = new ManualClock();
    const { hub } = await start({ maxConnections: 1, clock });
    const held: Socket[] = [];
    const hold = async (count: number) => {
      const some = Array.from({ length: count }, () => connect(hub.port, "127.0.0.1").on("error", () => undefined));
      await Promise.all(some.map((socket) => once(socket.resume(), "connect")));
      held.push(...some);
    };
    // All at once they overflow the queue of the listening socket (511), and the kernel lets go of some that think they are connected.
    for (let n = 0; n < 11; n++) await hold(91);
    expect(await raw(hub, "GET /api/agents HTTP/1.1\r\nHost: localhost\r\n\r\n")).toMatch(
      /^HTTP\/1.1 503 [^]*retry-after: 1\r\n[^]*"unavailable"/,
    );
    expect(await raw(hub, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")).toContain("200 OK");
    await expect(SidecarClient.connect(hub.wsUrl, 1_000)).rejects.toThrow("503");
    // Who is refused and asks for nothing makes room for the next to be told.
    await hold(REFUSED_AT_ONCE + 1);
    await expect.poll(() => held.findIndex(({ closed }) => closed)).toBe(1_001);
    expect(await raw(hub, "GET /api/agents HTTP/1.1\r\nHost: localhost\r\n\r\n")).toContain("503");

    clock.advance(1_000);
    expect(await raw(hub, "GET /api/agents HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).toContain("200 OK");
    await expect.poll(() => held[0]?.closed).toBe(true);
    for (const socket of held) socket.destroy();
  });
});

describe("frames", () => {
  test("one that is nested too deep is bad JSON, and does not reach the store", async () => {
    const { context } = await start();
    const agent = await context.agent("deep");
    const { task_id, generation } = await context.handTask(agent);
    const complete = JSON.stringify({ type: "task_complete", task_id, generation, result: "RESULT" });
    agent.client.sendText(complete.replace('"RESULT"', deep()));
    expect(await agent.client.take("error")).toEqual({ type: "error", error: "invalid_json" });
    agent.client.send({ type: "task_complete", task_id, generation, result: {} });
    expect((await agent.client.take("task_ack"))["status"]).toBe("complete");
  });

  test("one agent may listen to so many channels and no more", async () => {
    const { context } = await start();
    const { client } = await context.agent("curious");
    for (let n = 0; n <= LIMITS.channelSubscriptions; n++) client.send({ type: "channel_subscribe", channel: `channel-${n}` });
    expect(await client.take("error")).toEqual({ type: "error", error: "too_many_channels" });
    client.send({ type: "channel_subscribe", channel: "channel-0" });
    const answers = await client.unread();
    expect(answers.filter(({ type }) => type === "channel_subscribed")).toHaveLength(LIMITS.channelSubscriptions + 1);
  });

  test("the histories of all channels together are bounded", async () => {
    const { context } = await start();
    const { client } = await context.agent("loud");
    const payload = { text: "x".repeat(700_000) };
    for (let n = 0; n < 30; n++) {
      client.send({ type: "channel_publish", channel: `channel-${n % 3}`, payload });
      await client.take("channel_published");
    }
    let kept = 0;
    for (let n = 0; n < 3; n++) {
      client.send({ type: "channel_history", channel: `channel-${n}` });
      const { messages } = (await client.take("channel_history")) as unknown as { messages: unknown[] };
      kept += messages.length;
    }
    // 16 MiB hold 23 of them. The last ones are there.
    expect(kept).toBe(23);
    client.send({ type: "channel_publish", channel: "channel-0", payload: {} });
    expect((await client.take("channel_published"))["seq"]).toBe(11);
  }, 20_000);
});

function deep(): string {
  return "[".repeat(100_000) + "]".repeat(100_000);
}

test("a client that sends on after its tenth violation is heard no more and cut off", async () => {
  const { context } = await start();
  const client = await context.connect();
  for (let n = 0; n < 5_000; n++) client.sendText("no JSON");
  await client.closed;
  const { counters } = (await context.http("GET", "/api/metrics")).body as { counters: Record<string, number> };
  expect(counters).toMatchObject({ frames_in: LIMITS.violations, violations: LIMITS.violations });
});

describe("before identify", () => {
  test("what an agent says of itself has a limit, for all nodes keep it", async () => {
    const { context } = await start();
    const agentId = context.unique("a");
    const token = await context.register(agentId);
    const identify = async (extraChars: number) => {
      const client = await context.connect();
      client.send({ type: "identify", agent_id: agentId, token, extra: "x".repeat(extraChars) });
      return client;
    };
    for (const chars of [LIMITS.identifyBytes, 4 * LIMITS.identifyBytes, LIMITS.payloadBytes - 1_000, LIMITS.payloadBytes]) {
      expect((await (await identify(chars)).closed).code).toBe(1009);
    }
    await (await identify(LIMITS.identifyBytes - 300)).take("identified");
  });

  test("a frame that is never finished is not kept before the hub knows whose it is", async () => {
    const { hub } = await start();
    const client = new WebSocket(hub.wsUrl);
    await once(client, "open");
    // In parts of one message that is never ended, below what a frame may be.
    for (let sent = 0; sent <= LIMITS.identifyBytes; sent += 1_024) client.send("x".repeat(1_024), { fin: false });
    const [code] = (await once(client, "close")) as [number];
    expect([1009, 1006]).toContain(code);
  });

  test("frames that come behind identify are handled when it is known whose they are", async () => {
    const { context } = await start();
    const agentId = context.unique("a");
    const token = await context.register(agentId);
    const client = await context.connect();
    client.send({ type: "identify", agent_id: agentId, token });
    for (let frame = 0; frame < 20; frame++)
      client.send({ type: "message", to: agentId, payload: { text: "x".repeat(30_000) } });
    await client.take("identified");
    for (let frame = 0; frame < 20; frame++) expect((await client.take("message_sent"))["id"]).toBeTruthy();
  });
});
