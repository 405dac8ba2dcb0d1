// What hostile clients send: frames as bytes, drawn from a seed. Plain JavaScript, since a child process has no loader for types.

/** @typedef {() => number} Random */

/** Mulberry32 (Tommy Ettinger, public domain): small, and the same everywhere. @param {number} seed @returns {Random} */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {Random} random @param {number} below */
export const whole = (random, below) => Math.floor(random() * below);

/** @template T @param {Random} random @param {readonly T[]} values @returns {T} */
export const oneOf = (random, values) => /** @type {T} */ (values[whole(random, values.length)]);

/**
 * One WebSocket frame as a client sends it. `length`: what the header says, whatever follows.
 * @param {Buffer} payload
 * @param {{ first?: number, mask?: Buffer | null, length?: number }} [wrong]
 */
export function frameOf(payload, { first = 0x81, mask = NO_MASK, length = payload.length } = {}) {
  const masked = mask ? 0x80 : 0;
  const head =
    length < 126
      ? Buffer.from([first, masked | length])
      : length < 65_536
        ? Buffer.from([first, masked | 126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([first, masked | 127]), eightBytes(length)]);
  if (!mask) return Buffer.concat([head, payload]);
  const body = mask === NO_MASK ? payload : Buffer.from(payload.map((byte, at) => byte ^ /** @type {number} */ (mask[at % 4])));
  return Buffer.concat([head, mask, body]);
}

/** A mask of zeros is as good as any to the server, and costs the sender nothing. */
const NO_MASK = Buffer.alloc(4);

/** @param {number} length */
function eightBytes(length) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}

/** A frame that the hub answers with an error. @param {Random} random */
export function malformedText(random) {
  switch (whole(random, 12)) {
    case 0:
      return Buffer.from(garbage(random, 200));
    case 1:
      return Buffer.from(JSON.stringify(anyValue(random, 3)));
    case 2:
      return Buffer.from(`{"type":"${garbage(random, 20).replaceAll(/["\\]/g, "")}"}`);
    case 3:
      return Buffer.from('{"type":{"__proto__":{"ok":true}},"constructor":{"prototype":1}}');
    case 4:
      return Buffer.from(`{"type":"identify","agent_id":${"[".repeat(50 + whole(random, 1_000))}`);
    case 5:
      return Buffer.from(`{"type":"task_complete","result":${"[".repeat(600)}${"]".repeat(600)},"task_id":"t","generation":1}`);
    case 6:
      return Buffer.from(`{"type":"identify","agent_id":"${"a".repeat(100 + whole(random, 4_000))}","token":"t"}`);
    case 7:
      return Buffer.alloc(0);
    case 8:
      return Buffer.from('{"type":"ping"}{"type":"ping"}');
    case 9:
      return Buffer.from(`{"type":"identify","agent_id":"x","token":"${garbage(random, 80).replaceAll(/["\\]/g, "")}"}`);
    default:
      return Buffer.from(JSON.stringify({ type: oneOf(random, TYPES), ...fields(random) }));
  }
}

/** What the receiver of WebSockets itself has to refuse; the connection is lost. @param {Random} random */
export function brokenFrame(random) {
  const payload = Buffer.from(garbage(random, 100));
  switch (whole(random, 9)) {
    case 0:
      return frameOf(Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0xed, 0xa0, 0x80])); // no UTF-8
    case 1:
      return frameOf(payload, { mask: null });
    case 2:
      return frameOf(payload, { first: 0x80 | (3 + whole(random, 5)) }); // reserved opcodes
    case 3:
      return frameOf(payload, { first: 0xc1 }); // compressed, which was never agreed on
    case 4:
      return frameOf(payload, { first: 0x80 }); // goes on with nothing
    case 5:
      return frameOf(Buffer.alloc(126), { first: 0x89 }); // a ping that is too long
    case 6:
      return frameOf(payload, { length: 2 ** 40 });
    case 7:
      return frameOf(Buffer.from([0]), { first: 0x88 }); // half a closing code
    default:
      return Buffer.from(Array.from({ length: 64 }, () => whole(random, 256)));
  }
}

/** Well-formed, and of no use: an identified agent may send it as often as it likes. @param {Random} random */
export function idleTalk(random) {
  const taskId = `task-${whole(random, 2 ** 32)
    .toString(16)
    .padStart(16, "0")}`;
  switch (whole(random, 8)) {
    case 0:
      return { type: "ping", [garbage(random, 8)]: anyValue(random, 2) };
    case 1:
      return { type: "task_complete", task_id: taskId, generation: whole(random, 9) - 4, result: anyValue(random, 3) };
    case 2:
      return { type: "task_failed", task_id: taskId, generation: 2 ** 31, error: garbage(random, 100) };
    case 3:
      return { type: "task_progress", task_id: taskId, execution_event: { text: garbage(random, 60) } };
    case 4:
      return { type: "state_report", task_id: taskId, generation: null, status: "\u0000" };
    case 5:
      return { type: "task_accepted", task_id: oneOf(random, [taskId, "__proto__", "../../x", "\ud800"]) };
    case 6:
      return { type: "channel_unsubscribe", channel: garbage(random, 20).padEnd(1, "c") };
    default:
      return { type: "resource_report", cpu_percent: -1e308, ram_total_bytes: null, timestamp: 0 };
  }
}

const TYPES = [
  "identify",
  "ping",
  "status",
  "message",
  "task_accepted",
  "task_complete",
  "task_failed",
  "state_report",
  "nope",
];

/** @param {Random} random */
function fields(random) {
  const names = ["agent_id", "token", "task_id", "generation", "payload", "status", "to", "result", "__proto__"];
  return Object.fromEntries(Array.from({ length: whole(random, 5) }, () => [oneOf(random, names), anyValue(random, 2)]));
}

/** @param {Random} random @param {number} depth @returns {unknown} */
function anyValue(random, depth) {
  switch (whole(random, depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return whole(random, 2 ** 32) - 2 ** 31;
    case 2:
      return random() * 1e300;
    case 3:
      return random() < 0.5;
    case 4:
      return garbage(random, 40);
    case 5:
      return "\ud800\u2028\u0000";
    case 6:
      return Array.from({ length: whole(random, 4) }, () => anyValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: whole(random, 4) }, () => [garbage(random, 6), anyValue(random, depth - 1)]),
      );
  }
}

/** @param {Random} random @param {number} upTo */
export function garbage(random, upTo) {
  let text = "";
  for (let left = whole(random, upTo + 1); left > 0; left--) text += String.fromCharCode(32 + whole(random, 95));
  return text;
}

/** A request that is wrong somewhere. @param {Random} random @param {string} token */
export function malformedRequest(random, token) {
  const path = oneOf(random, ["/api/tasks", "/api/onboard/register", "/api/room/message", "/api/tasks/x/retry", "/%zz", "/ws"]);
  const method = oneOf(random, ["POST", "POST", "POST", "GET", "PUT", "BREW"]);
  const body = malformedBody(random);
  const said = random() < 0.1 ? whole(random, 5_000) : body.length;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: hub",
    `Authorization: Bearer ${random() < 0.8 ? token : garbage(random, 80)}`,
  ];
  if (random() < 0.05) lines.push(`X-Long: ${"x".repeat(whole(random, 40_000))}`);
  if (random() < 0.1) lines.push("Transfer-Encoding: chunked");
  else lines.push(`Content-Length: ${said}`);
  lines.push(`Content-Type: ${oneOf(random, ["application/json", "text/plain", "multipart/form-data; boundary=", "\u007f"])}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}

/** @param {Random} random */
function malformedBody(random) {
  switch (whole(random, 8)) {
    case 0:
      return Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]);
    case 1:
      return Buffer.from("[".repeat(20_000));
    case 2:
      return Buffer.from(`{"description":${"[".repeat(2_000)}${"]".repeat(2_000)}}`);
    case 3:
      return Buffer.from(`{"description":"${"d".repeat(20_000)}"}`);
    case 4:
      return Buffer.from(JSON.stringify({ description: "", priority: anyValue(random, 1), max_retries: -1 }));
    case 5:
      return Buffer.from(JSON.stringify({ description: 7, depends_on: anyValue(random, 2), assign_to: { a: 1 } }));
    case 6:
      return Buffer.from(garbage(random, 300));
    default:
      return Buffer.from(JSON.stringify(anyValue(random, 3)));
  }
}
