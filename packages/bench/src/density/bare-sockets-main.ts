/**
 * What Node itself needs for the same frames: sockets that write one and forget what comes back. No client that writes a frame
 * when it is due can do with less. Begins at a line on stdin, ends with it.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { textFrame } from "@hubscale/sidecar-sim";
import { PING } from "./density-load.ts";

const FRAME = textFrame(PING);
/** As often as the simulated sidecars' timers are looked at. */
const TICK_MS = 10;
/** All sockets read into the same memory, as the sidecars' do. */
const READ_BUFFER = Buffer.alloc(65_536);

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    /** Only pings: they can be answered without a look. */
    load: { type: "string" },
    connections: { type: "string" },
    /** A second, out of each connection. */
    frames: { type: "string" },
  },
});
const url = new URL(values.url ?? "");
const count = Number(values.connections);
const ticks = Math.max(1, Math.round(1_000 / Number(values.frames) / TICK_MS));
/** Those of one slot write in the same tick. */
const slots: Socket[][] = Array.from({ length: ticks }, () => []);
const lines = createInterface({ input: process.stdin });
lines.once("line", () => {
  for (let i = 0; i < count; i++) connectOne(slots[i % ticks] as Socket[]);
});
lines.on("close", () => process.exit(0));

let tick = 0;
setInterval(() => {
  for (const socket of slots[tick++ % ticks] ?? []) socket.write(FRAME, "latin1");
}, TICK_MS);

function connectOne(slot: Socket[]): void {
  let isUpgraded = false;
  const onread = {
    buffer: READ_BUFFER,
    callback: () => {
      // The first bytes are the answer to the upgrade: from then on frames may be sent.
      if (!isUpgraded) slot.push(socket);
      isUpgraded = true;
      return true;
    },
  };
  const socket = connect({ port: Number(url.port), host: url.hostname, noDelay: true, onread }, () => {
    socket.write(
      `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
  });
  socket.on("error", (error) => {
    process.stderr.write(`bare sockets: ${error.message}\n`);
    process.exit(1);
  });
}
