/** The other end of the density comparison: a hub's part of the load, counted for all clients alike. A wrong answer ends it. */
import { createInterface } from "node:readline";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { TaskDealer } from "./task-dealer.ts";

/** As a hub's, keys sorted. */
const PONG = Buffer.from('{"timestamp":1795462394141,"type":"pong"}');
const IDENTIFIED = Buffer.from('{"agent_id":"dense","type":"identified"}');
const IDENTIFY_OPENING = Buffer.from('{"type":"identify"');

const { values } = parseArgs({ options: { load: { type: "string" } } });
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, skipUTF8Validation: true });
/** Both ways. */
let frames = 0;
let agents = 0;
server.on("connection", (socket) => {
  const send = (frame: Buffer | string) => {
    frames++;
    socket.send(frame, { binary: false });
  };
  const dealer = values.load === "tasks" ? new TaskDealer(agents++, send) : undefined;
  socket.on("error", () => socket.terminate());
  socket.on("message", (data: Buffer) => {
    frames++;
    if (dealer) dealer.received(data.toString());
    else send(isIdentify(data) ? IDENTIFIED : PONG);
  });
});
server.on("listening", () => {
  process.stdout.write(`${JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port })}\n`);
});
// Any line is the question how it stands; the end of stdin is the end.
const questions = createInterface({ input: process.stdin });
questions.on("line", () => process.stdout.write(`${JSON.stringify({ frames, connections: server.clients.size })}\n`));
questions.on("close", () => process.exit(0));

function isIdentify(data: Buffer): boolean {
  return data.subarray(0, IDENTIFY_OPENING.length).equals(IDENTIFY_OPENING);
}
