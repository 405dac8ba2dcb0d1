// Hostile clients in a process of their own: floods before and after identify, broken frames, broken requests, half-open and slow
// connections. Told what to do by one message; answers with what was sent.
import { connect } from "node:net";
import {
  brokenFrame,
  frameOf,
  idleTalk,
  malformedRequest,
  malformedText,
  oneOf,
  seededRandom,
  whole,
} from "./hostile-frames.mjs";

/**
 * @typedef {object} Orders
 * @property {number} port
 * @property {number} seed
 * @property {{ agentId: string, token: string }[]} agents with a token
 * @property {number} framesIdentified
 * @property {number} framesUnidentified
 * @property {number} requests
 * @property {number} idleConnections
 */

const HANDSHAKE = [
  "GET /ws HTTP/1.1",
  "Host: hub",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  "Sec-WebSocket-Version: 13",
  "\r\n",
].join("\r\n");
/** Frames in one write: what fits into a few reads of the hub. */
const FRAMES_PER_WRITE = 200;
const POOL = 64;
/** A connection of an identified agent sends so many writes, among them fewer violations than close it. */
const WRITES_PER_CONNECTION = 50;
const FLOODERS = 8;
const HTTP_CLIENTS = 8;

const sent = { identified: 0, unidentified: 0, requests: 0, connections: 0 };

process.once("message", async (message) => {
  const orders = /** @type {Orders} */ (message);
  const idle = openIdle(orders);
  const { agents, framesIdentified, framesUnidentified, requests } = orders;
  await Promise.all([
    ...agents.map((agent, index) => talk(orders, agent, framesIdentified / agents.length, orders.seed + index)),
    ...Array.from({ length: FLOODERS }, (_, index) => flood(orders, framesUnidentified / FLOODERS, orders.seed + 100 + index)),
    ...Array.from({ length: HTTP_CLIENTS }, (_, index) => ask(orders, requests / HTTP_CLIENTS, orders.seed + 200 + index)),
  ]);
  idle.close();
  process.send?.(sent, () => process.disconnect());
});

/** Agents with a token that never stop talking. @param {Orders} orders @param {Orders["agents"][number]} agent @param {number} frames @param {number} seed */
async function talk({ port }, { agentId, token }, frames, seed) {
  const random = seededRandom(seed);
  const pool = Array.from({ length: POOL }, () =>
    Buffer.concat(Array.from({ length: FRAMES_PER_WRITE }, () => frameOf(Buffer.from(JSON.stringify(idleTalk(random)))))),
  );
  const identify = frameOf(Buffer.from(JSON.stringify({ type: "identify", agent_id: agentId, token })));
  for (let left = frames; left > 0; ) {
    const link = await open(port);
    let alive = await link.write(Buffer.concat([Buffer.from(HANDSHAKE), identify]));
    for (let writes = 0; alive && left > 0 && writes < WRITES_PER_CONNECTION; writes++) {
      alive = await link.write(oneOf(random, pool));
      sent.identified += FRAMES_PER_WRITE;
      left -= FRAMES_PER_WRITE;
    }
    if (alive) await link.write(frameOf(malformedText(random)));
    // Most end as they should, after all was answered; some are gone in the middle of it.
    if (random() < 0.97) await link.end({ bytes: frameOf(Buffer.from([3, 232]), { first: 0x88 }), withinMs: 30_000 });
    else link.destroy();
  }
}

/** Nobody knows who they are, and they do not wait for the answer to their handshake. @param {Orders} orders @param {number} frames @param {number} seed */
async function flood({ port }, frames, seed) {
  const random = seededRandom(seed);
  const pool = Array.from({ length: POOL }, () =>
    Buffer.concat(Array.from({ length: FRAMES_PER_WRITE }, () => frameOf(malformedText(random)))),
  );
  const masked = frameOf(Buffer.from('{"type":"ping"}'), { mask: Buffer.from([1, 2, 3, 4]) });
  const big = frameOf(Buffer.from(`{"type":"ping","x":"${"x".repeat(900_000)}"}`));
  const tooBig = frameOf(Buffer.alloc(1_100_000, 0x20));
  for (let left = frames; left > 0; ) {
    const link = await open(port);
    let alive = await link.write(Buffer.concat([Buffer.from(HANDSHAKE), masked]));
    for (let writes = whole(random, 6); alive && left > 0 && writes >= 0; writes--) {
      alive = await link.write(oneOf(random, pool));
      sent.unidentified += FRAMES_PER_WRITE;
      left -= FRAMES_PER_WRITE;
    }
    const last = random();
    if (alive && last < 0.3) await link.write(brokenFrame(random));
    else if (alive && last < 0.32) await link.write(big);
    else if (alive && last < 0.34) await link.write(tooBig);
    link.destroy();
  }
}

/** @param {Orders} orders @param {number} requests @param {number} seed */
async function ask({ agents, port }, requests, seed) {
  const random = seededRandom(seed);
  for (let left = requests; left > 0; ) {
    const link = await open(port);
    for (let pipelined = whole(random, 12); pipelined >= 0 && left > 0; pipelined--, left--) {
      sent.requests++;
      if (!(await link.write(malformedRequest(random, agents[0]?.token ?? "")))) break;
    }
    // Many of these wait for the rest of a request that never comes.
    await link.end({ withinMs: 60 });
  }
}

/** Connections that say half of something, some of them a byte at a time. @param {Orders} orders */
function openIdle({ idleConnections, port, seed }) {
  const random = seededRandom(seed + 300);
  const slow = Buffer.from(`GET /api/tasks HTTP/1.1\r\nX-Slow: ${"s".repeat(10_000)}`);
  const starts = [
    "",
    "GET /ws HT",
    HANDSHAKE,
    Buffer.concat([Buffer.from(HANDSHAKE), Buffer.from([0x81])]),
    Buffer.concat([Buffer.from(HANDSHAKE), frameOf(Buffer.from("{"), { length: 900_000 })]),
    Buffer.concat([Buffer.from(HANDSHAKE), frameOf(Buffer.from("{"), { first: 0x01 })]),
    "POST /api/tasks HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000000\r\n\r\n{",
  ];
  const sockets = Array.from({ length: idleConnections }, (_, index) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    if (index % 4 > 0) socket.write(oneOf(random, starts));
    return socket;
  });
  let at = 0;
  const timer = setInterval(() => {
    for (let index = 0; index < sockets.length; index += 4) sockets[index]?.write(slow.subarray(at, at + 1));
    at++;
  }, 100);
  return {
    close() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A connection that reads whatever comes and looks at none of it. @param {number} port */
async function open(port) {
  sent.connections++;
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  // The hub may cut it off at any time: that is what `close` tells.
  socket.on("error", () => socket.destroy());
  socket.resume();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  return {
    /** False: the connection is over. @param {Buffer} bytes */
    async write(bytes) {
      if (socket.destroyed || !socket.writable) return false;
      if (!socket.write(bytes)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
      return !socket.destroyed;
    },
    /** Waits for the other side's end. @param {{ bytes?: Buffer, withinMs: number }} how */
    async end({ bytes, withinMs }) {
      if (!socket.destroyed) socket.end(bytes);
      const timer = setTimeout(() => socket.destroy(), withinMs);
      await closed;
      clearTimeout(timer);
    },
    destroy() {
      socket.destroy();
    },
  };
}
