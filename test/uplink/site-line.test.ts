/** A site's line in real TCP: nothing is lost, turned round or sent too fast, and all that is open shares it. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { NETWORK_PATHS, wireBytes } from "@hubscale/fleet-model";
import { seededRandom, systemClock } from "@hubscale/sidecar-sim";
import { startClaudeStub } from "@hubscale/sidecar-sim/stubs";
import { type ShapedPath, SiteLine, type SiteLineOptions } from "@hubscale/sidecar-sim/uplink";
import { CLAUDE_TIERS, type ClaudeTier } from "@hubscale/fleet-model";
import { afterEach, expect, test } from "vitest";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const slow = {
  upBitsPerSec: 10e6,
  downBitsPerSec: 50e6,
  roundTripMs: 20,
  burstBytes: 15_000,
  clock: systemClock,
  timeScale: 1,
};

function lineOf(options: Partial<SiteLineOptions> = {}): SiteLine {
  const line = new SiteLine({ ...slow, ...options });
  closing.push(() => line.close());
  return line;
}

async function serverOf(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return server;
}

const open = (line: SiteLine, server: Server, path = NETWORK_PATHS.plain) =>
  line.open({
    target: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    path,
    roundTripsToOpen: 1,
    port: 0,
  });

function dial(path: ShapedPath): Socket {
  const socket = connect({ host: "127.0.0.1", port: path.port, allowHalfOpen: true });
  closing.push(() => socket.destroy());
  return socket;
}

/** Leaves the socket open for writing, which iterating over it would not. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

const digest = (data: Buffer) => createHash("sha256").update(data).digest("hex");

test("what goes in comes out at the other end, in both directions, not faster than the line, and is counted", async () => {
  const server = await serverOf(async (socket) => socket.end(await readAll(socket)));
  const path = await open(lineOf(), server, NETWORK_PATHS["mesh-v4"]);
  const body = randomBytes(700_000);
  const startMs = performance.now();
  const socket = dial(path);
  socket.end(body);
  expect(digest(await readAll(socket))).toBe(digest(body));
  const { up, down, connections } = path.traffic();
  expect(connections).toBe(1);
  expect([up.payloadBytes, down.payloadBytes]).toEqual([body.length, body.length]);
  // Reads that end within a packet cost one packet more than a single write would.
  expect(up.wireBytes).toBeGreaterThanOrEqual(wireBytes(body.length, NETWORK_PATHS["mesh-v4"]));
  expect(up.wireBytes).toBeLessThan(1.02 * wireBytes(body.length, NETWORK_PATHS["mesh-v4"]));
  const leastMs = ((up.wireBytes - slow.burstBytes) * 8_000) / slow.upBitsPerSec + 2 * slow.roundTripMs;
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(leastMs);
});

test("two connections share the line, and a small request is not kept waiting for a whole large one", async () => {
  const server = await serverOf((socket) => {
    socket.resume();
    socket.on("end", () => socket.end("done"));
  });
  const path = await open(lineOf(), server);
  const startMs = performance.now();
  const finished: string[] = [];
  const upload = async (name: string, bytes: number) => {
    const socket = dial(path);
    socket.end(randomBytes(bytes));
    await readAll(socket);
    finished.push(name);
  };
  await Promise.all([upload("large", 500_000), upload("large", 500_000), upload("small", 2_000)]);
  expect(finished[0]).toBe("small");
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(((1_002_000 - slow.burstBytes) * 8_000) / slow.upBitsPerSec);
});

test("a time scale makes it all shorter", async () => {
  const server = await serverOf((socket) => socket.resume().on("end", () => socket.end("done")));
  const path = await open(lineOf({ timeScale: 50, upBitsPerSec: 1e6, roundTripMs: 400 }), server);
  const startMs = performance.now();
  const socket = dial(path);
  socket.end(randomBytes(500_000));
  await readAll(socket);
  // 4 s for the bytes and 0.8 s for opening and answering, fifty times as fast.
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(4_600 / 50);
  expect(performance.now() - startMs).toBeLessThan(4_000);
});

test("a cut goes through to the other end, whoever makes it", async () => {
  const accepted: Socket[] = [];
  const server = await serverOf((socket) => accepted.push(socket.resume()));
  const path = await open(lineOf(), server);
  const first = dial(path);
  await until(() => accepted.length === 1);
  const serverSaw = closed(accepted[0] as Socket);
  first.resetAndDestroy();
  await serverSaw;
  expect((accepted[0] as Socket).destroyed).toBe(true);
  const second = dial(path);
  await until(() => accepted.length === 2);
  const clientSaw = closed(second.resume());
  (accepted[1] as Socket).resetAndDestroy();
  second.on("error", () => second.destroy());
  await clientSaw;
  expect(second.destroyed).toBe(true);
});

test("nobody at the other end: the connection is closed", async () => {
  const server = await serverOf(() => undefined);
  const path = await open(lineOf(), server);
  await new Promise((resolve) => server.close(resolve));
  const socket = dial(path).resume();
  socket.on("error", () => socket.destroy());
  await closed(socket);
  expect(path.traffic()).toMatchObject({ connections: 1, down: { payloadBytes: 0 } });
});

test("the API through the line counts the same bytes as the API itself", async () => {
  const stub = await startClaudeStub({
    port: 0,
    tier: CLAUDE_TIERS["tier-4"] as ClaudeTier,
    answerTokens: { kind: "constant", value: 50 },
    overloadedShare: 0,
    brokenOffShare: 0,
    tokensPerEvent: 1,
    random: seededRandom(1),
    clock: systemClock,
    timeScale: 100,
  });
  closing.push(() => stub.close());
  const path = await lineOf({ timeScale: 100 }).open({
    target: { host: "127.0.0.1", port: stub.port },
    path: NETWORK_PATHS.plain,
    roundTripsToOpen: 2,
    port: 0,
  });
  const answer = await fetch(`http://127.0.0.1:${path.port}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": "k", "anthropic-version": "2023-06-01", "content-type": "application/json", connection: "close" },
    body: JSON.stringify({
      model: "claude-sonnet-4-5",
      max_tokens: 100,
      stream: true,
      messages: [{ role: "user", content: "word ".repeat(20_000) }],
    }),
  });
  expect(await answer.text()).toContain("message_stop");
  const { up, down } = path.traffic();
  const { bytesIn, bytesOut } = stub.traffic();
  expect([up.payloadBytes, down.payloadBytes]).toEqual([bytesIn, bytesOut]);
  expect(up.payloadBytes).toBeGreaterThan(100_000);
});

/** Unlike `events.once` it is content with an error before it. */
const closed = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}
